//! What a server says when it does not do what it was asked: five shapes of errors, and pages meant for people.

use serde::Deserialize;

use super::text::shown;

/// The longest message that is kept: a 409 brings a whole cluster configuration (6 kB) after its first sentence.
const MESSAGE_CHARS_MAX: usize = 1000;

/// The message in an error's body: `{"message"}`, Spring's `{timestamp,status,error,path}`, an RFC 9457 problem,
/// Elasticsearch's `{"error":{"type","reason"}}`, or plain text. `spec: api.md §2.6, §6, §9`
pub fn refusal(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Shapes>(body) {
        Ok(Shapes {
            message: Some(message),
            ..
        }) if !message.is_empty() => message,
        Ok(Shapes {
            title,
            detail: Some(detail),
            ..
        }) => match title {
            Some(title) => format!("{title}: {detail}"),
            None => detail,
        },
        Ok(Shapes {
            error: Some(Error::Words(error)),
            path: Some(path),
            ..
        }) => format!("{error} ({path})"),
        Ok(Shapes {
            error: Some(Error::Typed(error)),
            ..
        }) => error.words(),
        Ok(
            Shapes {
                error: Some(Error::Words(only)),
                ..
            }
            | Shapes {
                title: Some(only), ..
            },
        ) => only,
        Ok(_) | Err(_) => {
            let plain = shown(body, MESSAGE_CHARS_MAX);
            return if plain.is_empty() {
                "no message".to_owned()
            } else {
                plain
            };
        }
    };
    shown(text.as_bytes(), MESSAGE_CHARS_MAX)
}

/// Whether a body may be a page at all. Nearly every answer is JSON, and is none at the first glance.
pub(crate) fn may_be_page(content_type: Option<&str>, body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    is_declared(content_type) || first.is_some_and(|byte| !byte.is_ascii() || *byte == b'<')
}

fn is_declared(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
}

/// If the body is an HTML page: its title, or `untitled`. None of the APIs that are spoken here sends one.
pub fn page(content_type: Option<&str>, body: &[u8]) -> Option<String> {
    if !may_be_page(content_type, body) {
        return None;
    }
    let declared = is_declared(content_type);
    // A title stands near the beginning; a longer search would be wasted on a hostile body.
    let start = &body[..body.len().min(4096)];
    let text = String::from_utf8_lossy(start);
    let lower = text.to_ascii_lowercase();
    let begins = ["<!doctype html", "<html", "<head"]
        .iter()
        .any(|tag| lower.trim_start().starts_with(tag));
    if !begins && !declared {
        return None;
    }
    let title = lower
        .find("<title>")
        .map(|at| at + "<title>".len())
        .and_then(|from| {
            let to = lower[from..].find("</title>")? + from;
            Some(shown(text[from..to].as_bytes(), 80))
        });
    Some(
        title
            .filter(|title| !title.is_empty())
            .unwrap_or_else(|| "untitled".to_owned()),
    )
}

#[derive(Deserialize)]
struct Shapes {
    message: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    error: Option<Error>,
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Error {
    Words(String),
    Typed(Box<Typed>),
}

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
    reason: Option<String>,
    caused_by: Option<Box<Typed>>,
}

impl Typed {
    /// The type and its reason, and what is at the bottom of it.
    fn words(&self) -> String {
        let own = self.alone();
        let mut cause = self.caused_by.as_deref();
        while let Some(deeper) = cause.and_then(|cause| cause.caused_by.as_deref()) {
            cause = Some(deeper);
        }
        match cause.map(Typed::alone) {
            Some(cause) if cause != own => format!("{own} ({cause})"),
            _ => own,
        }
    }

    fn alone(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.kind),
            None => self.kind.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, message: &str) {
        assert_eq!(refusal(body.as_bytes()), message);
    }

    #[test]
    fn every_shape_brings_its_message() {
        check(
            r#"{"message":"Change id must be a number"}"#,
            "Change id must be a number",
        );
        check(
            r#"{"timestamp":"x","status":404,"error":"Not Found","path":"/v2/topology"}"#,
            "Not Found (/v2/topology)",
        );
        check(
            r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"No."}"#,
            "Unauthorized: No.",
        );
        check(
            "Scaling partitions is not supported",
            "Scaling partitions is not supported",
        );
        check(
            r#"{"error":{"root_cause":[],"type":"repository_exception","reason":"[r] failed","caused_by":{"type":"x","reason":null,"caused_by":{"type":"access_denied_exception","reason":"no"}}},"status":500}"#,
            "repository_exception: [r] failed (access_denied_exception: no)",
        );
        check(
            r#"{"error":"no handler found for uri [/x]","status":400}"#,
            "no handler found for uri [/x]",
        );
        check("", "no message");
        check(r#"{"message":"a\u001b[2Jb"}"#, "a\\u{1b}[2Jb");
    }

    #[test]
    fn a_page_is_known_by_its_title() {
        let body = b"<!DOCTYPE html><html><head><TITLE>502 Bad Gateway</TITLE>";
        assert_eq!(page(None, body).as_deref(), Some("502 Bad Gateway"));
        assert_eq!(
            page(Some("text/html; charset=utf-8"), b"sorry").as_deref(),
            Some("untitled")
        );
        assert_eq!(page(Some("application/json"), b"{}"), None);
    }
}
