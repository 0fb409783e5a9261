//! Files as answers, sent as they are read: saved by a browser, never shown or run by it in this site's name.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use crate::app::Outgoing;

/// A file of this name.
pub fn download(media_type: &str, name: &str, bytes: Outgoing) -> Response {
    let bytes = bytes.inspect(|part| {
        if let Err(error) = part {
            tracing::error!(%error, "a file broke off");
        }
    });
    saved(media_type, name, Body::from_stream(bytes))
}

/// A file that is in memory already.
pub fn whole(media_type: &str, name: &str, bytes: Vec<u8>) -> Response {
    saved(media_type, name, Body::from(bytes))
}

fn saved(media_type: &str, name: &str, body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition(name)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ];
    (headers, body).into_response()
}

/// The name in the form of RFC 6266: as it is when it has plain letters only, otherwise with the others as bytes.
fn disposition(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.bytes().all(is_plain) {
        return format!("attachment; filename=\"{name}\"");
    }
    let mut written = "attachment; filename*=UTF-8''".to_owned();
    for byte in name.bytes() {
        if is_plain(byte) {
            written.push(char::from(byte));
        } else {
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn a_name_cannot_leave_its_header() {
        assert_eq!(disposition("export.csv"), "attachment; filename=\"export.csv\"");
        assert_eq!(disposition("a b.pdf"), "attachment; filename*=UTF-8''a%20b.pdf");
        assert_eq!(disposition("\"\r\nX: y"), "attachment; filename*=UTF-8''%22%0D%0AX%3A%20y");
        assert_eq!(disposition("王.txt"), "attachment; filename*=UTF-8''%E7%8E%8B.txt");
    }
}
