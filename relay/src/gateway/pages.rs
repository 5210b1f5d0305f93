//! The page: the files of `page/src/`, part of the program, compressed once at start.

use std::collections::HashMap;
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, VARY,
};
use hyper::{Response, StatusCode};
use include_dir::{Dir, File, include_dir};
use sha2::{Digest, Sha256};

/// Everything in the folder that has one of [`TYPES`].
static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page/src");
/// Where a browser begins.
const FRONT: &str = "index.html";
/// What is served, by how its name ends.
const TYPES: [(&str, &str); 9] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("json", "application/json"),
    ("webmanifest", "application/manifest+json"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
];
/// What browsers may do with the page: its own files alone, its own devices alone, in no frame.
const SECURITY: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
         media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
    ),
];

/// A whole reply.
pub(super) type Reply = Response<Full<Bytes>>;

/// The files by their path.
pub(super) struct Pages(HashMap<String, Page>);

struct Page {
    media_type: HeaderValue,
    tag: HeaderValue,
    plain: Bytes,
    /// Where that is shorter.
    compressed: Option<Bytes>,
}

impl Pages {
    /// Takes the files in and compresses them.
    pub(super) fn new() -> Self {
        let mut pages = HashMap::new();
        add(&PAGE, &mut pages);
        Self(pages)
    }

    /// The reply to a request for `path`, which begins with `/`.
    pub(super) fn reply(&self, path: &str, asked: &HeaderMap) -> Reply {
        let path = path.trim_start_matches('/');
        let path = if path.is_empty() { FRONT } else { path };
        let Some(page) = self.0.get(path) else {
            return bare(StatusCode::NOT_FOUND);
        };
        let is_known = asked.get(IF_NONE_MATCH) == Some(&page.tag);
        let mut reply = match is_known {
            true => bare(StatusCode::NOT_MODIFIED),
            false => bare(StatusCode::OK),
        };
        let headers = reply.headers_mut();
        headers.insert(ETAG, page.tag.clone());
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        // A new relay may have new files under the same names.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if is_known {
            return reply;
        }
        headers.insert(CONTENT_TYPE, page.media_type.clone());
        let compressed = page.compressed.as_ref().filter(|_| accepts_gzip(asked));
        if compressed.is_some() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let body = compressed.unwrap_or(&page.plain).clone();
        *reply.body_mut() = Full::new(body);
        reply
    }
}

/// A reply without a body, which browsers are told to be as careful with.
pub(super) fn bare(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    for (name, value) in SECURITY {
        let name = HeaderName::from_static(name);
        reply
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    reply
}

fn add(folder: &Dir<'_>, pages: &mut HashMap<String, Page>) {
    folder.dirs().for_each(|inner| add(inner, pages));
    for file in folder.files() {
        if let Some(page) = page(file) {
            pages.insert(file.path().to_string_lossy().into_owned(), page);
        }
    }
}

fn page(file: &File<'_>) -> Option<Page> {
    let name = file.path().to_str()?;
    // Tests are beside what they test.
    if name.contains(".test.") {
        return None;
    }
    let (_, ending) = name.rsplit_once('.')?;
    let (_, media_type) = TYPES.iter().find(|(known, _)| *known == ending)?;
    let contents = file.contents();
    let digest: [u8; 32] = Sha256::digest(contents).into();
    let tag: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let compressed = compress(contents).filter(|bytes| bytes.len() < contents.len());
    Some(Page {
        media_type: HeaderValue::from_static(media_type),
        tag: HeaderValue::from_str(&format!("\"{tag}\"")).ok()?,
        // In the program anyhow: no copy.
        plain: Bytes::from_static(PAGE.get_file(file.path())?.contents()),
        compressed: compressed.map(Bytes::from),
    })
}

fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn accepts_gzip(asked: &HeaderMap) -> bool {
    asked
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let is_gzip = parts.next() == Some("gzip");
            is_gzip
                && parts
                    .next()
                    .is_none_or(|weight| !matches!(weight, "q=0" | "q=0.0"))
        })
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn body(reply: Reply) -> Bytes {
        reply.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn the_front_page_comes_with_every_header_of_the_reference() {
        let pages = Pages::new();
        let reply = pages.reply("/", &HeaderMap::new());
        assert_eq!(reply.status(), StatusCode::OK);
        let reference = include_str!("../../GATEWAY.md").replace('\n', " ");
        for (name, value) in SECURITY {
            assert_eq!(reply.headers()[name], value);
        }
        assert!(reference.contains(SECURITY[0].1), "the reference differs");
        let html = body(reply).await;
        assert!(html.starts_with(b"<!"), "{html:?}");
    }

    #[tokio::test]
    async fn what_is_compressed_is_the_same() {
        let pages = Pages::new();
        let plain = body(pages.reply("/", &HeaderMap::new())).await;
        let mut asked = HeaderMap::new();
        asked.insert(ACCEPT_ENCODING, HeaderValue::from_static("br, gzip;q=0.5"));
        let reply = pages.reply("/", &asked);
        assert_eq!(reply.headers()[CONTENT_ENCODING], "gzip");
        let compressed = body(reply).await;
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::GzDecoder::new(&compressed[..]),
            &mut unpacked,
        )
        .unwrap();
        assert_eq!(unpacked, plain);
    }

    #[tokio::test]
    async fn what_a_browser_has_is_not_sent_again() {
        let pages = Pages::new();
        let tag = pages.reply("/", &HeaderMap::new()).headers()[ETAG].clone();
        let mut asked = HeaderMap::new();
        asked.insert(IF_NONE_MATCH, tag);
        let reply = pages.reply("/index.html", &asked);
        assert_eq!(reply.status(), StatusCode::NOT_MODIFIED);
        assert!(body(reply).await.is_empty());
    }

    #[test]
    fn nothing_else_is_found() {
        let pages = Pages::new();
        for path in ["/other", "/../relay", "//etc/passwd", "/index.html/", "/."] {
            let reply = pages.reply(path, &HeaderMap::new());
            assert_eq!(reply.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
