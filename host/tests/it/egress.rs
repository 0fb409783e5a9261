//! Requests of modules to other servers: where they may lead, and what comes back.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::response::IntoResponse;
use guildhall::app::Settings;
use guildhall::domain::clock::Clock;
use guildhall::outbound::Names;
use serde_json::{Value as Json, json};

use crate::receiver::{Receiver, endless, silent, status, with_header};
use crate::support::{On, TestApp};
use crate::workshop::{ACTION, WORKSHOP, enable, run, start, step, variant};

both!(
    a_request_is_sent_and_answered
    addresses_of_all_forms_are_refused
    names_that_lead_inside_are_refused
    a_name_is_looked_up_once
    redirects_are_checked_step_by_step
    redirects_lead_nowhere_inside
    secrets_go_to_the_host_that_they_are_for
    headers_cannot_be_forged
    answers_are_bounded
    a_request_that_changes_something_has_a_key
    hooks_reach_nobody
);

fn get(url: &str) -> Json {
    json!({"do": "http", "url": url})
}

async fn a_request_is_sent_and_answered(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let receiver = Receiver::start().await;
    receiver.answer(|message, _| {
        let body = format!("got {} bytes", message.body.len());
        ([("x-answer", "yes"), ("content-encoding", "br")], body).into_response()
    });
    let request = json!({"do": "http", "method": "POST", "url": receiver.named_url("/a?b=c"), "body": "hello",
        "headers": {"X-Own": "1", "content-type": "text/plain"}});
    let answer = step(&ann, request).await;
    assert_eq!((&answer["ok"]["status"], &answer["ok"]["body"]), (&json!(200), &json!("got 5 bytes")));
    assert!(answer["ok"]["headers"].as_array().unwrap().contains(&json!(["x-answer", "yes"])), "{answer}");
    let got = receiver.got().remove(0);
    assert_eq!((got.path.as_str(), &got.headers["x-own"], &got.body[..]), ("/a", &"1".parse().unwrap(), &b"hello"[..]));
    assert_eq!(got.headers["accept-encoding"], "identity");
    assert!(got.headers["user-agent"].to_str().unwrap().starts_with("guildhall/"));
    // HEAD has no body, and 404 is an answer like any other.
    receiver.answer(|_, _| status(404));
    let head = json!({"do": "http", "method": "HEAD", "url": receiver.named_url("/")});
    assert_eq!(step(&ann, head).await["ok"]["status"], 404);
}

/// Addresses that lead inside, or are no names, in all forms that somebody may read as one.
const REFUSED: &str = "http://127.0.0.1/ https://127.0.0.1/ https://127.0.0.1:8443/ https://10.0.0.1/ https://172.16.0.1/ \
    https://172.31.255.255/ https://192.168.1.1/ https://169.254.169.254/latest/meta-data https://100.64.0.1/ https://0.0.0.0/ \
    https://0/ https://224.0.0.1/ https://240.0.0.1/ https://255.255.255.255/ https://192.0.2.1/ https://198.18.0.1/ \
    https://198.51.100.1/ https://203.0.113.1/ https://192.88.99.1/ https://8.8.8.8/ https://[::1]/ https://[::]/ \
    https://[::ffff:127.0.0.1]/ https://[::ffff:7f00:1]/ https://[0:0:0:0:0:ffff:10.0.0.1]/ https://[fc00::1]/ https://[fd12:3456::1]/ \
    https://[fe80::1]/ https://[ff02::1]/ https://[64:ff9b::7f00:1]/ https://[64:ff9b:1::1]/ https://[2002:7f00:1::]/ \
    https://[2001::1]/ https://[2001:db8::1]/ https://[2606:4700::1111]/ https://2130706433/ https://0x7f000001/ https://0x7f.1/ \
    https://0x7f.0x0.0x0.0x1/ https://0177.0.0.1/ https://017700000001/ https://127.1/ https://127.0.1/ https://127.0.0.1./ \
    https://127.0.0.1../ https://a.localhost/ https://localhost.localdomain/ https://printer.local/ https://intranet/ \
    https://metadata.google.internal/ https://①②⑦.⓪.⓪.①/ https://127。0。0。1/ https://%31%32%37.0.0.1/ https://localhost@127.0.0.1/ \
    https://localhost:secret@127.0.0.1/ https://a:b@api.workshop.test/ https://api.workshop.test@127.0.0.1/ \
    https://127.0.0.1#@api.workshop.test/ https://127.0.0.1?@api.workshop.test/ https://127.0.0.1\\@api.workshop.test/ \
    https://workshop.test/ https://xworkshop.test/ https://api.workshop.test.example.com/ https://localhost.example.com/ \
    ftp://api.workshop.test/ file:///etc/passwd gopher://localhost/ javascript:alert(1) //localhost/ localhost https:// https://[::1";

async fn addresses_of_all_forms_are_refused(on: On) {
    // Without what tests may do otherwise.
    let settings =
        Settings { names: Some(Names(Arc::new(|_| vec![IpAddr::from([127, 0, 0, 1])]))), ..Settings::default() };
    let test = TestApp::start_with(on, Clock::system(), settings).await;
    crate::workshop::install(&test).await;
    enable(&test.ann, WORKSHOP, &json!({})).await;
    let urls: Vec<&str> =
        REFUSED.split_whitespace().chain(["http://api.workshop.test/", "https://localhost/"]).collect();
    assert!(urls.len() > 65);
    for urls in urls.chunks(10) {
        let results = run(&test.ann, urls.iter().map(|url| get(url)).collect()).await;
        for (url, result) in urls.iter().zip(&results) {
            let fault = result["fault"].as_str().unwrap_or_else(|| panic!("{url}: {result}"));
            assert!(["permission_denied", "egress_denied"].contains(&fault), "{url}: {result}");
        }
    }
}

async fn names_that_lead_inside_are_refused(on: On) {
    let private = "0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 \
        192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 \
        :: ::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 \
        2002:7f00:1::1 3fff::1 fc00::1 fdff::1 fe80::1 fec0::1 ff02::1";
    let addresses: Vec<IpAddr> = private.split_whitespace().map(|text| text.parse().unwrap()).collect();
    let count = addresses.len();
    let names = move |name: &str| {
        let at: usize = name.split('.').next().and_then(|part| part.strip_prefix('n')?.parse().ok()).unwrap_or(count);
        match addresses.get(at) {
            Some(address) => vec![*address],
            // One public address does not make up for a private one.
            None => vec![IpAddr::from([8, 8, 8, 8]), IpAddr::from([10, 0, 0, 1])],
        }
    };
    let settings = Settings { names: Some(Names(Arc::new(names))), ..Settings::default() };
    let test = TestApp::start_with(on, Clock::system(), settings).await;
    crate::workshop::install(&test).await;
    enable(&test.ann, WORKSHOP, &json!({})).await;
    let all: Vec<usize> = (0..=count).collect();
    for some in all.chunks(10) {
        let steps = some.iter().map(|at| get(&format!("https://n{at}.workshop.test/"))).collect();
        for (at, result) in some.iter().zip(run(&test.ann, steps).await) {
            assert_eq!(result["fault"], "egress_denied", "{at}: {result}");
            // It says what is wrong, and nothing of what is there.
            assert_eq!(result["message"], "the address leads to a private or reserved address");
        }
    }
}

async fn a_name_is_looked_up_once(on: On) {
    let looked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&looked);
    // Whoever asks a second time is led elsewhere.
    let names = move |_: &str| match count.fetch_add(1, Ordering::Relaxed) {
        0 => vec![IpAddr::from([127, 0, 0, 1])],
        _ => vec![IpAddr::from([127, 0, 0, 2])],
    };
    let settings =
        Settings { allow_private_webhooks: true, names: Some(Names(Arc::new(names))), ..Settings::default() };
    let test = TestApp::start_with(on, Clock::system(), settings).await;
    crate::workshop::install(&test).await;
    enable(&test.ann, WORKSHOP, &json!({})).await;
    let receiver = Receiver::start().await;
    let url = receiver.url("/").replace("127.0.0.1", "changing.workshop.test");
    assert_eq!(step(&test.ann, get(&url)).await["ok"]["status"], 204);
    assert_eq!(looked.load(Ordering::Relaxed), 1);
}

async fn redirects_are_checked_step_by_step(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let next = receiver.named_url("");
    receiver.answer(move |message, _| {
        let at: usize = message.path.trim_start_matches('/').parse().unwrap_or(0);
        if at == 0 { status(200) } else { with_header(302, "location", &format!("{next}/{}", at - 1)) }
    });
    assert_eq!(step(&ann, get(&receiver.named_url("/3"))).await["ok"]["status"], 200);
    assert_eq!(receiver.got().len(), 4);
    let answer = step(&ann, get(&receiver.named_url("/4"))).await;
    assert_eq!(answer["fault"], "egress_denied", "{answer}");
    // A POST becomes a GET where a browser would make it one, and stays one where it would not.
    for (code, method, bytes) in [(301, "GET", 0), (302, "GET", 0), (303, "GET", 0), (307, "POST", 4), (308, "POST", 4)]
    {
        receiver.forget();
        let to = receiver.named_url("/end");
        receiver.answer(
            move |message, _| if message.path == "/end" { status(200) } else { with_header(code, "location", &to) },
        );
        let post = json!({"do": "http", "method": "POST", "url": receiver.named_url("/begin"), "body": "body"});
        assert_eq!(step(&ann, post).await["ok"]["status"], 200, "{method}");
        assert_eq!(receiver.got()[1].body.len(), bytes, "{code}");
    }
    // To a host that is not agreed to, or with a method that is not.
    let to = elsewhere.url("/").replace("127.0.0.1", "elsewhere.example.com");
    receiver.answer(move |_, _| with_header(302, "location", &to));
    assert_eq!(step(&ann, get(&receiver.named_url("/"))).await["fault"], "egress_denied");
    let put = json!({"do": "http", "method": "PUT", "url": receiver.named_url("/")});
    receiver.answer(|_, _| with_header(307, "location", "http://api.workshop.test/"));
    assert_eq!(step(&ann, put).await["fault"], "egress_denied");
    assert!(elsewhere.got().is_empty());
}

async fn redirects_lead_nowhere_inside(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let (receiver, inside) = (Receiver::start().await, Receiver::start().await);
    let port = inside.url("").rsplit(':').next().unwrap().to_owned();
    for to in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("http://localhost@127.0.0.1:{port}/"),
        "file:///etc/passwd".to_owned(),
        "gopher://localhost/".to_owned(),
        "javascript:alert(1)".to_owned(),
    ] {
        let location = to.clone();
        receiver.answer(move |_, _| with_header(302, "location", &location));
        let answer = step(&ann, get(&receiver.named_url("/"))).await;
        assert_eq!(answer["fault"], "egress_denied", "{to}: {answer}");
    }
    assert!(inside.got().is_empty());
}

async fn secrets_go_to_the_host_that_they_are_for(on: On) {
    let test = start(on).await;
    let ann = &test.ann;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let request = |url: String, value: &str| json!({"do": "http", "url": url, "headers": {"x-key": value, "authorization": "Bearer own"}});
    let unset = step(ann, request(receiver.named_url("/"), "{{secret:API_KEY}}")).await;
    assert_eq!(unset["fault"], "secret_not_set");
    enable(ann, WORKSHOP, &json!({"secrets": {"API_KEY": "s3cret"}})).await;
    assert_eq!(step(ann, request(receiver.named_url("/"), "a {{secret:API_KEY}} b")).await["ok"]["status"], 204);
    assert_eq!(receiver.got()[0].headers["x-key"], "a s3cret b");
    assert_eq!(step(ann, request(receiver.named_url("/"), "{{secret:OTHER}}")).await["fault"], "permission_denied");
    // Not to where a redirect leads.
    let to = other.named_url("/");
    receiver.answer(move |_, _| with_header(302, "location", &to));
    assert_eq!(step(ann, request(receiver.named_url("/"), "{{secret:API_KEY}}")).await["ok"]["status"], 204);
    let got = other.got().remove(0);
    assert!(!got.headers.contains_key("x-key") && !got.headers.contains_key("authorization"));
    // A place that is none is sent as it is.
    receiver.answer(|_, _| status(200));
    receiver.forget();
    step(ann, request(receiver.named_url("/"), "{{secret:API_KEY")).await;
    assert_eq!(receiver.got()[0].headers["x-key"], "{{secret:API_KEY");
}

async fn headers_cannot_be_forged(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let receiver = Receiver::start().await;
    let with =
        |name: &str, value: &str| json!({"do": "http", "url": receiver.named_url("/"), "headers": {name: value}});
    for (name, value) in [
        ("x-own", "a\r\nx-other: b"),
        ("x-own", "a\nb"),
        ("x-own", "a\u{0}b"),
        ("x-own\r\nx-other", "a"),
        ("x own", "a"),
        ("", "a"),
        ("Host", "internal"),
        ("connection", "upgrade"),
        ("Transfer-Encoding", "chunked"),
        ("content-length", "0"),
        ("te", "trailers"),
        ("upgrade", "websocket"),
        ("keep-alive", "1"),
        ("proxy-authorization", "Basic a"),
        ("accept-encoding", "gzip"),
        ("user-agent", "curl"),
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("x-large", &"a".repeat(20_000)),
    ] {
        let answer = step(&ann, with(name, value)).await;
        assert_eq!(answer["fault"], "egress_denied", "{name}: {answer}");
    }
    let many: serde_json::Map<String, Json> = (0..51).map(|at| (format!("x-{at}"), json!("a"))).collect();
    let answer = step(&ann, json!({"do": "http", "url": receiver.named_url("/"), "headers": many})).await;
    assert_eq!(answer["fault"], "egress_denied");
    assert!(receiver.got().is_empty());
}

async fn answers_are_bounded(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let receiver = Receiver::start().await;
    let url = receiver.named_url("/");
    receiver.answer(|_, _| vec![b'x'; 1 << 20].into_response());
    // What fits is there whole, as far as the module can take it.
    let largest = step(&ann, json!({"do": "http", "url": url, "timeout_ms": 5_000})).await;
    assert!(largest["ok"]["size"] == 1 << 20, "{largest}");
    receiver.answer(|_, _| vec![b'x'; (1 << 20) + 1].into_response());
    assert_eq!(step(&ann, get(&url)).await["fault"], "response_too_large");
    receiver.answer(|_, _| endless());
    assert_eq!(step(&ann, get(&url)).await["fault"], "response_too_large");
    let began = Instant::now();
    receiver.answer(|_, _| silent());
    let slow = step(&ann, json!({"do": "http", "url": url, "timeout_ms": 300})).await;
    assert_eq!((&slow["fault"], &slow["retryable"]), (&json!("timeout"), &json!(true)));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    // A drip now and then does not make it longer.
    receiver.answer(|_, _| {
        let drops = tokio::time::interval(Duration::from_millis(50));
        let drops = futures_util::stream::unfold(drops, |mut drops| async move {
            drops.tick().await;
            Some((Ok::<_, std::io::Error>(axum::body::Bytes::from_static(b"x")), drops))
        });
        axum::response::Response::new(axum::body::Body::from_stream(drops))
    });
    let slow = step(&ann, json!({"do": "http", "url": url, "timeout_ms": 300})).await;
    assert_eq!(slow["fault"], "timeout");
    receiver.answer(|_, _| {
        let mut answer = status(200);
        for at in 0..2_000 {
            let name: axum::http::HeaderName = format!("x-{at}").parse().unwrap();
            answer.headers_mut().insert(name, "y".repeat(50).parse().unwrap());
        }
        answer
    });
    assert_eq!(step(&ann, get(&url)).await["fault"], "unreachable");
    assert_eq!(step(&ann, get("http://localhost:1/")).await["fault"], "unreachable");
    receiver.forget();
    receiver.answer(|_, _| status(200));
    let large = json!({"do": "http", "method": "POST", "url": url, "size": (1 << 20) + 1});
    ann.post(ACTION, &json!({"steps": [large]})).await.problem(422, "payload_limit");
    // Ten of one call.
    let results = run(&ann, json!(vec![get(&url); 11])).await;
    assert_eq!((&results[9]["ok"]["status"], &results[10]["fault"]), (&json!(200), &json!("host_call_limit")));
    assert_eq!(receiver.got().len(), 10);
}

async fn a_request_that_changes_something_has_a_key(on: On) {
    let test = start(on).await;
    let receiver = Receiver::start().await;
    let post = json!({"do": "http", "method": "POST", "url": receiver.named_url("/"), "body": "pay"});
    let keys = || -> Vec<String> {
        let of = |message: crate::receiver::Message| {
            message.headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        receiver.got().into_iter().map(of).collect()
    };
    run(&test.ann, json!([post, post, get(&receiver.named_url("/"))])).await;
    let first = keys();
    assert!(first[0].len() >= 32 && first[1].len() >= 32 && first[0] != first[1] && first[2].is_empty(), "{first:?}");
    receiver.forget();
    // A job that runs again sends the same key.
    let fail = json!({"do": "fail", "code": "busy", "retryable": true, "must": true});
    let job = json!({"do": "enqueue", "name": "pay", "input": {"steps": [post, fail]}});
    let clock = Clock::manual(guildhall::domain::clock::Timestamp::parse("2026-11-26T10:00:00Z").unwrap());
    let test = crate::workshop::start_at(on, clock.clone()).await;
    run(&test.ann, json!([job, job])).await;
    test.app.run_due_jobs().await.unwrap();
    clock.advance(Duration::from_mins(1));
    test.app.run_due_jobs().await.unwrap();
    let mut all = keys();
    assert_eq!(all.len(), 4);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 2, "one for each job");
    receiver.forget();
    // Its own, when it has one.
    let own =
        json!({"do": "http", "method": "POST", "url": receiver.named_url("/"), "headers": {"Idempotency-Key": "mine"}});
    step(&test.ann, own).await;
    assert_eq!(keys(), ["mine"]);
    // A dry run asks, and changes nothing elsewhere.
    let dry = test.ann.with("prefer", "dry-run");
    let steps = json!({"steps": [post, get(&receiver.named_url("/"))]});
    let answer = dry.post(ACTION, &steps).await.assert(200).json();
    assert_eq!(answer["result"]["result"][0]["fault"], "not_allowed_here");
    assert_eq!(answer["result"]["result"][1]["ok"]["status"], 204);
}

async fn hooks_reach_nobody(on: On) {
    let test = start(on).await;
    let receiver = Receiver::start().await;
    let command = |step: Json| json!({"name": "Ann", "note": json!({"steps": [step]}).to_string()});
    let contact = test.ann.create("contact", command(get(&receiver.named_url("/")))).await;
    assert!(contact["note"].as_str().unwrap().contains("not_allowed_here"), "{contact}");
    // Nor through a module that they call.
    let other = variant(&test, "bench", |manifest| {
        manifest["requires"] = json!([{"plugin": WORKSHOP}]);
        manifest["permissions"]["actions"] = json!([{"plugin": WORKSHOP, "actions": ["shared"]}]);
        manifest["hooks"]["before-write"] = json!([{"object": "contact", "operations": ["create"]}]);
    })
    .await;
    enable(&test.ann, &other, &json!({})).await;
    let call = json!({"do": "call", "plugin": WORKSHOP, "name": "shared", "input": {"steps": [get(&receiver.named_url("/"))]}});
    let body = json!({"name": "Bob", "note": json!({"steps": [call]}).to_string()});
    let contact = test.ann.create("contact", body).await;
    assert!(contact["note"].as_str().unwrap().contains("not_allowed_here"), "{contact}");
    assert!(receiver.got().is_empty());
}
