//! Which addresses the host may talk to on a tenant's behalf: those of the
//! public internet, and nothing of the machine, its network or its cloud.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Longest address of a receiver.
const MAX_LENGTH: usize = 2_000;

/// Whether an address belongs to the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 31, 196)
            | (192, 52, 193)
            | (192, 88, 99)
            | (192, 168, _)
            | (192, 175, 48)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, ..] = address.segments();
    // Only 2000::/3 is handed out; inside it, some parts lead elsewhere: protocol
    // assignments with Teredo (2001::/23), documentation, 6to4, and the old 6bone.
    (a & 0xe000) == 0x2000
        && !matches!((a, b), (0x2001, 0..0x0200 | 0x0db8) | (0x2002 | 0x3ffe | 0x3fff, _))
        && (a, b, c, d) != (0x2620, 0x004f, 0x8000, 0)
}

/// Why an address cannot be a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is no URL.
    #[error("expects an https URL of at most {MAX_LENGTH} bytes")]
    NoUrl,
    /// Only https hides what is sent.
    #[error("has to begin with https://")]
    NoHttps,
    /// A name or password in it.
    #[error("may hold no user name and no password")]
    Credentials,
    /// A place inside.
    #[error("leads to a private or reserved address")]
    Private,
}

/// Reads the address of a receiver. What a name leads to is looked at when it
/// is used; here only what can be seen in the text.
pub fn parse_receiver(text: &str, allow_private: bool) -> Result<Url, BadAddress> {
    if text.len() > MAX_LENGTH || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(BadAddress::NoUrl);
    }
    let mut url = Url::parse(text).map_err(|_| BadAddress::NoUrl)?;
    match url.scheme() {
        "https" => {}
        "http" if allow_private => {}
        _ => return Err(BadAddress::NoHttps),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadAddress::Credentials);
    }
    url.set_fragment(None);
    let is_private = match url.host() {
        None => return Err(BadAddress::NoUrl),
        // The parser has turned decimal, octal, hexadecimal and short forms into addresses.
        Some(Host::Ipv4(address)) => !is_public_v4(address),
        Some(Host::Ipv6(address)) => !is_public_v6(address),
        Some(Host::Domain(name)) => is_inside(name),
    };
    if is_private && !allow_private {
        return Err(BadAddress::Private);
    }
    Ok(url)
}

/// Names that lead inside by what they are.
fn is_inside(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    // Numbers with too many dots behind them are no address to a browser; somebody else may read them as one.
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    !name.contains('.')
        || is_number
        || matches!(last, "localhost" | "local" | "internal" | "home" | "lan" | "corp" | "localdomain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_ranges_are_closed_at_both_ends() {
        let ranges = "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.255.255.255 \
            169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255 192.0.2.1 \
            192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 \
            239.255.255.255 240.0.0.1 255.255.255.255 \
            :: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 \
            2001::1 2001:1ff::1 2001:db8::1 2002:7f00:1::1 3fff::1 fc00::1 fdff::1 fe80::1 febf::1 fec0::1 ff02::1";
        for text in ranges.split_whitespace() {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        let public = "1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 \
            169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0 198.17.255.255 \
            198.20.0.0 223.255.255.255 2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00:1450::1";
        for text in public.split_whitespace() {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn addresses_are_read_as_a_browser_reads_them() {
        let refused = "https://127.0.0.1/ https://2130706433/ https://0x7f000001/ https://0x7f.1/ https://0177.0.0.1/ \
            https://127.1/ https://127.0.0.1./ https://127.0.0.1.../ https://0/ https://[::1]/ https://[::ffff:127.0.0.1]/ https://[::ffff:7f00:1]/ \
            https://[64:ff9b::7f00:1]/ https://[fd00::1]/ https://[fe80::1]/ https://169.254.169.254/latest \
            https://localhost/ https://LOCALHOST:8080/ https://localhost./ https://x.localhost/ https://printer.local/ \
            https://metadata.google.internal/ https://intranet/ https://①②⑦.⓪.⓪.①/ https://127。0。0。1/ https://%31%32%37.0.0.1/";
        for text in refused.split_whitespace() {
            assert_eq!(parse_receiver(text, false), Err(BadAddress::Private), "{text}");
            assert!(parse_receiver(text, true).is_ok(), "{text}");
        }
        for text in ["https://hooks.example.com/a?b=c", "https://hooks.example.com:8443", "https://8.8.8.8/"] {
            assert!(parse_receiver(text, false).is_ok(), "{text}");
        }
        for text in ["http://example.com/", "file:///etc/passwd", "gopher://example.com/", "ftp://example.com/"] {
            assert_eq!(parse_receiver(text, false), Err(BadAddress::NoHttps), "{text}");
        }
        for text in ["https://a:b@example.com/", "https://a@example.com/", "https://example.com@127.0.0.1/"] {
            assert_eq!(parse_receiver(text, false), Err(BadAddress::Credentials), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(2_000));
        for text in ["", "example.com", "https://", "https://exa mple.com/", "https://example.com/\r\nX: y", &long] {
            assert_eq!(parse_receiver(text, false), Err(BadAddress::NoUrl), "{text}");
        }
        assert_eq!(parse_receiver("file:///etc/passwd", true), Err(BadAddress::NoHttps));
    }
}
