//! Where webhooks may not lead: nothing inside, whatever it is called.

use guildhall::app::App;
use guildhall::domain::clock::Clock;
use serde_json::json;

use crate::receiver::Receiver;
use crate::support::{On, TestApp};
use crate::webhooks::make;

both!(private_addresses_are_refused what_was_allowed_once_is_checked_again redirects_are_not_followed);

async fn private_addresses_are_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let (_, path) = make(&ann, json!({"url": "https://hooks.example.com/"})).await;
    let addresses = "https://127.0.0.1/ https://10.0.0.1/ https://172.16.0.1/ https://172.31.255.255/ https://192.168.1.1/ \
        https://169.254.169.254/latest/meta-data https://100.64.0.1/ https://0.0.0.0/ https://0/ https://224.0.0.1/ \
        https://255.255.255.255/ https://[::1]/ https://[::]/ https://[::ffff:127.0.0.1]/ https://[::ffff:10.0.0.1]/ \
        https://[fc00::1]/ https://[fd12::1]/ https://[fe80::1]/ https://[64:ff9b::a00:1]/ https://[2002:7f00:1::]/ \
        https://2130706433/ https://0x7f000001/ https://0x7f.1/ https://0177.0.0.1/ https://017700000001/ https://127.1/ \
        https://127.0.0.1./ https://localhost/ https://localhost./ https://LocalHost/ https://a.localhost/ \
        https://user@hooks.example.com/ https://user:secret@hooks.example.com/ https://hooks.example.com@127.0.0.1/ \
        https://①②⑦.⓪.⓪.①/ https://127。0。0。1/ https://printer.local/ https://metadata.google.internal/ https://intranet/ \
        http://hooks.example.com/ ftp://hooks.example.com/ file:///etc/passwd gopher://hooks.example.com/ //hooks.example.com/ \
        hooks.example.com https:// https://[::1 javascript:alert(1)";
    for url in addresses.split_whitespace() {
        for reply in
            [ann.post("/api/v1/webhooks", &json!({"url": url})).await, ann.patch(&path, &json!({"url": url})).await]
        {
            let problem = reply.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["code"], "bad_address", "{url}");
        }
    }
    assert_eq!(ann.get(&path).await.json()["url"], "https://hooks.example.com/");
}

async fn what_was_allowed_once_is_checked_again(on: On) {
    let test = TestApp::with_webhooks(on, Clock::system()).await;
    let receiver = Receiver::start().await;
    let by_name = receiver.url("/").replace("http://127.0.0.1", "https://localhost.localdomain");
    let mut paths = Vec::new();
    for url in [receiver.url("/"), by_name] {
        paths.push(make(&test.ann, json!({"url": url})).await.1);
    }
    // The same installation, started without the permission.
    let strict = App::open_with(&test.database, Clock::system(), crate::support::settings()).await.unwrap();
    test.ann.create("contact", json!({"name": "Ann"})).await;
    strict.deliver_due().await.unwrap();
    assert!(receiver.got().is_empty());
    for path in paths {
        let delivery = &test.ann.get(&format!("{path}/deliveries")).await.assert(200).json()["data"][0];
        assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("waiting"), &json!(1)));
        let error = delivery["last_error"].as_str().unwrap();
        // It says what is wrong, and nothing of what is there.
        assert!(error.starts_with("the address "), "{error}");
    }
}

async fn redirects_are_not_followed(on: On) {
    let TestApp { app, ann, .. } = TestApp::with_webhooks(on, Clock::system()).await;
    let (receiver, inner) = (Receiver::start().await, Receiver::start().await);
    let (_, path) = make(&ann, json!({"url": receiver.url("/")})).await;
    let to = inner.url("/inside");
    receiver.answer(move |message, _| {
        let status = message.event()["data"]["after"]["name"].as_str().unwrap().parse().unwrap();
        crate::receiver::with_header(status, "location", &to)
    });
    for status in [301, 302, 303, 307, 308] {
        ann.create("contact", json!({"name": format!("{status}")})).await;
    }
    app.deliver_due().await.unwrap();
    assert_eq!((receiver.got().len(), inner.got().len()), (5, 0));
    let deliveries = ann.get(&format!("{path}/deliveries?status=waiting")).await.assert(200).json();
    for delivery in deliveries["data"].as_array().unwrap() {
        assert!(delivery["last_error"].as_str().unwrap().contains("redirects are not followed"), "{delivery}");
    }
    assert_eq!(deliveries["data"].as_array().unwrap().len(), 5);
}
