//! The object store's port: as much of S3 as a client library needs to keep small objects, path style, in one bucket.
//!
//! Signatures are not checked; a request without any is refused, as a real store would.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Method, header};

use crate::api::decoded;
use crate::bucket::{After, BUCKET, Condition, Line, Listed, NotPut, Object};
use crate::search::store::StoreState;
use crate::world::World;

const XML: &str = "application/xml";

/// So many lines a listing has at most, and when nothing else is asked for.
const LINES_MAX: usize = 1_000;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct BucketCall {
    pub(crate) method: Method,
    /// As it came, with its escapes.
    pub(crate) path: String,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    body: Bytes,
}

impl BucketCall {
    pub(crate) fn new(
        method: Method,
        path: &str,
        query: Option<&str>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter(|p| !p.is_empty());
        let plain = |text: &str| decoded(&text.replace('+', " "));
        let query = pairs
            .map(|p| p.split_once('=').unwrap_or((p, "")))
            .map(|(k, v)| (plain(k), plain(v)))
            .collect();
        BucketCall {
            method,
            path: path.to_owned(),
            query,
            headers,
            body,
        }
    }

    /// Whether this call might change something.
    pub(crate) fn mutates(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }

    fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BucketReply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl BucketReply {
    fn empty(status: u16) -> BucketReply {
        BucketReply {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> BucketReply {
        self.headers.push((name, value.into()));
        self
    }

    fn xml(status: u16, body: String) -> BucketReply {
        BucketReply {
            status,
            headers: vec![("content-type", XML.to_owned())],
            body: Bytes::from(body),
        }
    }

    /// Of HEAD there is the head only.
    fn headed(mut self, method: &Method) -> BucketReply {
        if self.headers.iter().all(|(name, _)| *name != "content-length") && self.status != 204 {
            let length = self.body.len().to_string();
            self.headers.push(("content-length", length));
        }
        if *method == Method::HEAD {
            self.body = Bytes::new();
        }
        self
    }
}

/// What S3 calls an error.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Trouble {
    status: u16,
    code: &'static str,
    message: &'static str,
    /// What it is about: an element's name and its content.
    about: Option<(&'static str, String)>,
}

impl Trouble {
    const fn new(status: u16, code: &'static str, message: &'static str) -> Trouble {
        Trouble {
            status,
            code,
            message,
            about: None,
        }
    }

    fn about(mut self, element: &'static str, what: &str) -> Trouble {
        self.about = Some((element, what.to_owned()));
        self
    }

    fn not_implemented() -> Trouble {
        Trouble::new(
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        )
    }

    fn no_key(key: &str) -> Trouble {
        Trouble::new(404, "NoSuchKey", "The specified key does not exist.").about("Key", key)
    }

    fn failed(header: &str) -> Trouble {
        Trouble::new(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        )
        .about("Condition", header)
    }

    fn reply(&self, request: &str) -> BucketReply {
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>",
            self.code, self.message
        );
        if let Some((element, what)) = &self.about {
            let _ = write!(xml, "<{element}>{}</{element}>", escaped(what));
        }
        let _ = write!(
            xml,
            "<RequestId>{request}</RequestId><HostId>lab</HostId></Error>"
        );
        BucketReply::xml(self.status, xml)
    }
}

/// An answer that stands for a store in trouble.
pub(crate) fn spoilt(status: u16) -> BucketReply {
    let trouble = match status {
        409 => Trouble::new(
            409,
            "ConditionalRequestConflict",
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
        ),
        503 => Trouble::new(503, "SlowDown", "Please reduce your request rate."),
        other => Trouble::new(
            other,
            "InternalError",
            "We encountered an internal error. Please try again.",
        ),
    };
    trouble.reply("SPOILT")
}

impl World {
    /// The object store's answer.
    pub(crate) fn bucket_answer(&mut self, call: &BucketCall) -> BucketReply {
        self.store.requests += 1;
        let request = format!("{:016X}", self.store.requests);
        let reply = match self.bucket_route(call) {
            Ok(reply) => reply,
            Err(trouble) => trouble.reply(&request),
        };
        reply.with("x-amz-request-id", request).headed(&call.method)
    }

    fn bucket_route(&mut self, call: &BucketCall) -> Result<BucketReply, Trouble> {
        if !call.headers.contains_key(header::AUTHORIZATION) {
            return Err(Trouble::new(403, "AccessDenied", "Access Denied"));
        }
        if self.store.state == StoreState::Denied {
            let message = "The AWS Access Key Id you provided does not exist in our records.";
            return Err(Trouble::new(403, "InvalidAccessKeyId", message));
        }
        let path = decoded(&call.path);
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        if bucket != BUCKET {
            let message = "The specified bucket does not exist";
            return Err(Trouble::new(404, "NoSuchBucket", message).about("BucketName", bucket));
        }
        match (call.method.as_str(), key) {
            ("HEAD", "") => Ok(BucketReply::empty(200)),
            ("GET", "") if call.query.contains_key("location") => Ok(BucketReply::xml(
                200,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"
                    .to_owned(),
            )),
            ("GET", "") if call.query.get("list-type").map(String::as_str) == Some("2") => self.list_objects(call),
            ("POST", "") if call.query.contains_key("delete") => self.delete_objects(&call.body),
            // Parts of an object, versions, tags and the like are not kept.
            (_, "") => Err(Trouble::not_implemented()),
            _ if call.query.keys().any(|k| k != "x-id") => Err(Trouble::not_implemented()),
            ("PUT", key) => self.put_object(call, key),
            ("GET" | "HEAD", key) => self.get_object(key),
            ("DELETE", key) => {
                self.store.objects.delete(key);
                Ok(BucketReply::empty(204))
            }
            _ => {
                let message = "The specified method is not allowed against this resource.";
                Err(Trouble::new(405, "MethodNotAllowed", message))
            }
        }
    }

    fn put_object(&mut self, call: &BucketCall, key: &str) -> Result<BucketReply, Trouble> {
        let in_chunks = |name: &str, with: &str| call.header(name).is_some_and(|v| v.contains(with));
        if call.headers.contains_key("x-amz-copy-source")
            || in_chunks("x-amz-content-sha256", "STREAMING-")
            || in_chunks("content-encoding", "aws-chunked")
        {
            return Err(Trouble::not_implemented());
        }
        let condition = match (call.header(header::IF_NONE_MATCH), call.header(header::IF_MATCH)) {
            (None, None) => None,
            (Some("*"), None) => Some(Condition::Absent),
            (None, Some(etag)) if etag != "*" => Some(Condition::Is(etag.to_owned())),
            _ => return Err(Trouble::not_implemented()),
        };
        let content_type = call.header(header::CONTENT_TYPE).unwrap_or("binary/octet-stream");
        let object = Object::new(call.body.clone(), content_type.to_owned(), self.now);
        let etag = object.etag.clone();
        match self.store.objects.put(key, object, condition.as_ref()) {
            Ok(()) => Ok(BucketReply::empty(200).with("etag", etag)),
            Err(NotPut::Present) => Err(Trouble::failed("If-None-Match")),
            Err(NotPut::Different) => Err(Trouble::failed("If-Match")),
            Err(NotPut::Missing) => Err(Trouble::no_key(key)),
            Err(NotPut::Full) => Err(Trouble::new(503, "SlowDown", "Please reduce your request rate.")),
        }
    }

    fn get_object(&self, key: &str) -> Result<BucketReply, Trouble> {
        let object = self.store.objects.get(key).ok_or_else(|| Trouble::no_key(key))?;
        let modified = self.wall.at(object.at).strftime("%a, %d %b %Y %H:%M:%S GMT");
        let reply = BucketReply {
            status: 200,
            headers: Vec::new(),
            body: object.body.clone(),
        };
        Ok(reply
            .with("etag", &object.etag)
            .with("last-modified", modified.to_string())
            .with("content-type", &object.content_type))
    }

    /// Many at once: what client libraries send even for one.
    fn delete_objects(&mut self, body: &[u8]) -> Result<BucketReply, Trouble> {
        let malformed = || {
            let message =
                "The XML you provided was not well-formed or did not validate against our published schema";
            Trouble::new(400, "MalformedXML", message)
        };
        let text = std::str::from_utf8(body).map_err(|_| malformed())?;
        let mut keys = Vec::new();
        for part in text.split("<Key>").skip(1) {
            let (key, _) = part.split_once("</Key>").ok_or_else(malformed)?;
            keys.push(unescaped(key).ok_or_else(malformed)?);
        }
        if keys.is_empty() || keys.len() > LINES_MAX {
            return Err(malformed());
        }
        let mut xml = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
        );
        for key in &keys {
            self.store.objects.delete(key);
            if !text.contains("<Quiet>true</Quiet>") {
                let _ = write!(xml, "<Deleted><Key>{}</Key></Deleted>", escaped(key));
            }
        }
        xml.push_str("</DeleteResult>");
        Ok(BucketReply::xml(200, xml))
    }

    fn list_objects(&self, call: &BucketCall) -> Result<BucketReply, Trouble> {
        let asked = |name: &str| call.query.get(name).map(String::as_str);
        let max = asked("max-keys").map_or(Ok(LINES_MAX), str::parse);
        let max = max
            .map_err(|_| Trouble::new(400, "InvalidArgument", "Provided max-keys not an integer"))?
            .min(LINES_MAX);
        let after = match (asked("continuation-token"), asked("start-after")) {
            (Some(token), _) => from_token(token).ok_or_else(|| {
                let message = "The continuation token provided is incorrect";
                Trouble::new(400, "InvalidArgument", message)
            })?,
            (None, Some(key)) => After::Key(key.to_owned()),
            (None, None) => After::Start,
        };
        let prefix = asked("prefix").unwrap_or_default();
        let delimiter = asked("delimiter").filter(|d| !d.is_empty());
        let (lines, more) = self.store.objects.list(&Listed {
            prefix,
            delimiter,
            after,
            max,
        });
        // S3 says so too when nothing at all was wanted.
        let more = more && max > 0;
        let by_url = asked("encoding-type") == Some("url");
        let text = |key: &str| if by_url { percent(key) } else { escaped(key) };
        let mut xml = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
        );
        let _ = write!(xml, "<Name>{BUCKET}</Name><Prefix>{}</Prefix>", text(prefix));
        if let Some(delimiter) = delimiter {
            let _ = write!(xml, "<Delimiter>{}</Delimiter>", text(delimiter));
        }
        if let Some(start) = asked("start-after") {
            let _ = write!(xml, "<StartAfter>{}</StartAfter>", text(start));
        }
        if let Some(token) = asked("continuation-token") {
            let _ = write!(xml, "<ContinuationToken>{}</ContinuationToken>", escaped(token));
        }
        if let (true, Some(last)) = (more, lines.last()) {
            let _ = write!(
                xml,
                "<NextContinuationToken>{}</NextContinuationToken>",
                to_token(last)
            );
        }
        let _ = write!(
            xml,
            "<KeyCount>{}</KeyCount><MaxKeys>{max}</MaxKeys>",
            lines.len()
        );
        if by_url {
            xml.push_str("<EncodingType>url</EncodingType>");
        }
        let _ = write!(xml, "<IsTruncated>{more}</IsTruncated>");
        for line in &lines {
            let _ = match line {
                Line::Object(key, object) => write!(
                    xml,
                    "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                    text(key),
                    self.wall.milli(object.at),
                    escaped(&object.etag),
                    object.body.len()
                ),
                Line::Prefix(prefix) => {
                    write!(
                        xml,
                        "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>",
                        text(prefix)
                    )
                }
            };
        }
        xml.push_str("</ListBucketResult>");
        Ok(BucketReply::xml(200, xml))
    }
}

fn to_token(last: &Line<'_>) -> String {
    URL_SAFE_NO_PAD.encode(match last {
        Line::Object(key, _) => format!("k{key}"),
        Line::Prefix(prefix) => format!("p{prefix}"),
    })
}

fn from_token(token: &str) -> Option<After> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let key = text.strip_prefix('k').map(|k| After::Key(k.to_owned()));
    key.or_else(|| text.strip_prefix('p').map(|p| After::Prefix(p.to_owned())))
}

/// As the text of an XML element.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            // Not to be had in XML 1.0 at all; who has such keys asks for them by URL.
            c if c < ' ' && !matches!(c, '\t' | '\n' | '\r') => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
    xml
}

/// The text of an XML element; nothing when it holds a reference that is not one of the five of XML itself.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';')?;
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        });
        plain.push_str(rest);
    }
    Some(plain)
}

/// As a part of a URL; slashes stay.
fn percent(text: &str) -> String {
    let mut url = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*' | b'/') {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}
