//! One question to an API server, or one order: which right it needs, about what, and its request.

use bytes::Bytes;
use http::{Method, Request, header};
use serde_json::Value;

use super::rights::Right;
use crate::base_url::segment;

/// What is asked or told.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) right: Right,
    /// Where; `None` for what lies in no namespace.
    pub(super) namespace: Option<String>,
    /// Which; `None` for all of them.
    pub(super) name: Option<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    accept: &'static str,
}

/// Only what an object is called, never what is in it. `spec: api.md §10`
const NAMES_ONLY: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

impl Ask {
    /// About all of a kind in a namespace.
    pub(super) fn all(right: Right, namespace: &str) -> Self {
        Ask {
            right,
            namespace: Some(namespace.to_owned()),
            name: None,
            query: Vec::new(),
            body: None,
            accept: "application/json",
        }
    }

    /// About one object in a namespace.
    pub(super) fn one(right: Right, namespace: &str, name: &str) -> Self {
        Ask {
            name: Some(name.to_owned()),
            ..Self::all(right, namespace)
        }
    }

    /// About what lies in no namespace.
    pub(super) fn cluster_wide(right: Right, name: Option<&str>) -> Self {
        Ask {
            namespace: None,
            name: name.map(str::to_owned),
            ..Self::all(right, "")
        }
    }

    /// The same without the objects' contents.
    pub(super) fn names_only(self) -> Self {
        Ask {
            accept: NAMES_ONLY,
            ..self
        }
    }

    pub(super) fn with_query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    pub(super) fn with_body(self, body: Value) -> Self {
        Ask {
            body: Some(body),
            ..self
        }
    }

    fn method(&self) -> Method {
        match self.right.rule().verbs.first().copied() {
            Some("patch") => Method::PATCH,
            Some("create") => Method::POST,
            Some("delete") => Method::DELETE,
            // Streams begin as a GET.
            _ => Method::GET,
        }
    }

    /// Path and query, below the API server's address.
    pub(super) fn path(&self) -> String {
        let rule = self.right.rule();
        let mut path = match rule.group {
            "" => format!("/api/{}", rule.version),
            group => format!("/apis/{group}/{}", rule.version),
        };
        match (&self.namespace, rule.resource) {
            // A namespace's own object lies in itself, for paths and for roles.
            (Some(namespace), "namespaces") => {
                path.push_str(&format!("/namespaces/{}", segment(namespace)));
            }
            (Some(namespace), resource) => {
                path.push_str(&format!("/namespaces/{}/{resource}", segment(namespace)));
            }
            (None, resource) => path.push_str(&format!("/{resource}")),
        }
        for part in [self.name.as_deref(), rule.part].into_iter().flatten() {
            path.push('/');
            path.push_str(&segment(part));
        }
        for (number, (key, value)) in self.query.iter().enumerate() {
            path.push(if number == 0 { '?' } else { '&' });
            path.push_str(&format!("{key}={}", segment(value)));
        }
        path
    }

    /// The request line, for reports.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method(), self.path())
    }

    /// What is sent, for reports.
    pub(super) fn sent(&self) -> Option<String> {
        self.body.as_ref().map(Value::to_string)
    }

    pub(super) fn request<B: From<Bytes>>(&self) -> Result<Request<B>, http::Error> {
        let accept = match self.right.rule().part {
            // A stream is no JSON, and an API server answers 406 to who wants it to be.
            Some("portforward" | "exec") => "*/*",
            _ => self.accept,
        };
        let mut request = Request::builder()
            .method(self.method())
            .uri(self.path())
            .header(header::USER_AGENT, concat!("c8dr/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, accept);
        if self.body.is_some() {
            let kind = match self.method() {
                Method::PATCH => "application/merge-patch+json",
                _ => "application/json",
            };
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let body = self.sent().map(Bytes::from).unwrap_or_default();
        request.body(B::from(body))
    }

    /// What it is about, in a sentence: "list pods in namespace `camunda`".
    pub(super) fn words(&self) -> String {
        let mut words = self.right.rule().words();
        if let Some(name) = &self.name {
            words.push_str(&format!(" `{name}`"));
        }
        if let Some(namespace) = &self.namespace {
            words.push_str(&format!(" in namespace `{namespace}`"));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_the_api_servers() {
        let path = |ask: Ask| ask.line();
        assert_eq!(
            path(Ask::all(Right::ListPods, "camunda-london").with_query("labelSelector", "a=b,c=d")),
            "GET /api/v1/namespaces/camunda-london/pods?labelSelector=a%3Db%2Cc%3Dd"
        );
        assert_eq!(
            path(Ask::one(Right::PatchDeploymentScale, "ns", "camunda-operate").with_body(json!({}))),
            "PATCH /apis/apps/v1/namespaces/ns/deployments/camunda-operate/scale"
        );
        assert_eq!(
            path(Ask::all(Right::GetNamespace, "ns")),
            "GET /api/v1/namespaces/ns"
        );
        assert_eq!(
            path(Ask::one(Right::Forward, "ns", "camunda-zeebe-0").with_query("ports", "9600")),
            "GET /api/v1/namespaces/ns/pods/camunda-zeebe-0/portforward?ports=9600"
        );
        assert_eq!(
            path(Ask::cluster_wide(Right::DeleteVolume, Some("pv-1"))),
            "DELETE /api/v1/persistentvolumes/pv-1"
        );
        // A name from a configuration never reaches another path.
        assert_eq!(
            path(Ask::one(Right::GetService, "a/../b", "../secrets")),
            "GET /api/v1/namespaces/a%2F..%2Fb/services/..%2Fsecrets"
        );
    }
}
