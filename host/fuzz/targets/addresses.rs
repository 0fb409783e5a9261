//! Addresses and signatures of webhooks: no accepted address leads inside by what stands in it,
//! and no signature that we did not make is right.
#![no_main]

use std::net::IpAddr;

use guildhall_fuzz::domain::address::{is_public, parse_receiver};
use guildhall_fuzz::domain::event_type::{TypePattern, any_matches};
use guildhall_fuzz::domain::signature::{SignatureKind, SigningKey, Verifying};
use libfuzzer_sys::fuzz_target;
use url::Host;

const AT: i64 = 1_614_265_330;

fuzz_target!(|input: &str| {
    let mut lines = input.splitn(4, '\n');
    let [text, id, forged, body] = [(); 4].map(|()| lines.next().unwrap_or_default());
    let body = body.as_bytes();
    if let Ok(url) = parse_receiver(text, false) {
        assert_eq!(url.scheme(), "https");
        assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{url}");
        match url.host().expect("an address without a host is refused") {
            Host::Ipv4(address) => assert!(is_public(IpAddr::V4(address)), "{url}"),
            Host::Ipv6(address) => assert!(is_public(IpAddr::V6(address)), "{url}"),
            Host::Domain(name) => {
                let name = name.trim_end_matches('.');
                assert!(name.contains('.') && !name.ends_with(".localhost") && name != "localhost", "{url}");
                assert!(name.parse::<IpAddr>().is_err(), "{url}");
            }
        }
        // Kept as text and read again, it is the same.
        assert_eq!(parse_receiver(url.as_str(), false).as_ref(), Ok(&url));
        assert!(parse_receiver(text, true).is_ok());
    }
    for key in
        [SigningKey::from_random(SignatureKind::V1, [3; 32]), SigningKey::from_random(SignatureKind::V1a, [4; 32])]
    {
        let verifying = Verifying::parse(&key.public().unwrap_or_else(|| key.secret())).expect("our own key");
        let right = key.sign(id, AT, body);
        if !id.is_empty() {
            assert!(verifying.accepts(id, &AT.to_string(), &right, body, AT));
        }
        assert!(forged.contains(&right) || !verifying.accepts(id, &AT.to_string(), forged, body, AT), "{forged}");
    }
    let _ = (SigningKey::parse(text), Verifying::parse(text));
    if let Ok(pattern) = TypePattern::parse(text) {
        assert_eq!(pattern.text(), text);
        let _ = any_matches(&[pattern], &id.chars().take(100).collect::<String>());
    }
});
