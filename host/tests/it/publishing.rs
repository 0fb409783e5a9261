//! `guildhall plugin publish`, by the real binary: on a host, and in a real registry of OCI artefacts.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::kit::{change, folder, guildhall, new, run};
use crate::support::{On, TestApp, plugin, plugin_with};

both!(
    a_new_plugin_goes_all_the_way
    a_plugin_is_published_on_a_host
);

const LOYALTY: &str = "guildhall.retail-loyalty";
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nand what a picture has";
/// Who may push: `vendor`, with the password `let me in`.
const ACCOUNTS: &str = "vendor:$2a$05$abcdefghijklmnopqrstuu4h2R.N3/mVBA7Xh7aLzKSJDAsK61n52\n";
const LOGIN: [(&str, &str); 2] = [("GUILDHALL_REGISTRY_USER", "vendor"), ("GUILDHALL_REGISTRY_PASSWORD", "let me in")];

/// What a command prints as JSON, or else what it says.
async fn published(words: &[&str], at: &Path, variables: &[(&str, &str)]) -> Result<Json, String> {
    let mut command = guildhall(&[&["plugin", "publish"], words, &["--json"]].concat(), at);
    command.envs(variables.iter().copied());
    let done = tokio::process::Command::from(command).output().await.unwrap();
    if done.status.success() {
        return Ok(serde_json::from_slice(&done.stdout).unwrap());
    }
    Err(String::from_utf8_lossy(&done.stderr).into_owned())
}

/// What `docs/vendors` goes through: from nothing to a plugin that is tested, published, enabled and at work.
async fn a_new_plugin_goes_all_the_way(on: On) {
    let test = TestApp::start(on).await;
    let name = format!("tidy-on-{on:?}").to_lowercase();
    let plugin = new(&name, "before-write");
    let (passed, report) = run(&["plugin", "test"], &plugin);
    assert!(passed && report["passed"] == true, "{report}");
    run(&["plugin", "keygen", "--to", "acme.key"], &plugin);
    let (_, token) = test.app.create_operator_key("Acme", Some("acme"), None).await.unwrap();
    let words = ["--to", &test.anon.url(""), "--key", "acme.key"];
    let made = published(&words, &plugin, &[("GUILDHALL_PUBLISHER_KEY", &token)]).await.unwrap();
    let id = format!("acme.{name}");
    assert_eq!((&made["id"], &made["new"]), (&json!(id), &json!(true)));
    test.ann.put(&format!("/api/v1/modules/{id}"), &json!({"consent": ["*"]})).await.assert(200);
    assert_eq!(test.ann.create("contact", json!({"name": "  Ann "})).await["name"], "Ann");
    assert_eq!(
        test.sam.create("contact", json!({"name": "  Bob "})).await["name"],
        "  Bob ",
        "nobody enabled it there"
    );
}

async fn a_plugin_is_published_on_a_host(on: On) {
    let test = TestApp::start(on).await;
    let home = folder(&format!("published-{on:?}"));
    let (_, key) = run(&["plugin", "keygen", "--to", "secret"], &home);
    let operator = test.operator().await;
    operator.post("/api/v1/plugin-keys", &json!({"publisher": "guildhall", "key": key["key"]})).await.assert(201);
    std::fs::write(home.join("loyalty.wasm"), plugin(LOYALTY)).unwrap();
    let (_, token) = test.app.create_operator_key("A vendor", Some("guildhall"), None).await.unwrap();
    let host = test.anon.url("");
    let words = ["loyalty.wasm", "--to", &host, "--key", "secret"];
    let with = |token: &'static str| [("GUILDHALL_PUBLISHER_KEY", token)];
    let refused = published(&words, &home, &[]).await.unwrap_err();
    assert!(refused.contains("guildhall operator-key create --publisher"), "{refused}");
    let refused = published(&words, &home, &with("gho_wrong")).await.unwrap_err();
    assert!(refused.contains("answered 401 (unauthenticated)"), "{refused}");
    let token = [("GUILDHALL_PUBLISHER_KEY", token.as_str())];
    let made = published(&words, &home, &token).await.unwrap();
    assert_eq!((&made["id"], &made["version"], &made["new"]), (&json!(LOYALTY), &json!("0.1.0"), &json!(true)));
    let shown = test.ann.get(&format!("/api/v1/plugins/{LOYALTY}")).await.assert(200).json();
    let version = &shown["versions"][0];
    assert_eq!(version["signature"], json!({"state": "publisher", "key": key["key"]}));
    assert_eq!(version["package_digest"], made["package_digest"]);
    assert_eq!(published(&words, &home, &token).await.unwrap()["new"], false);
    // Another content of a version that is out, what no host would take, and a host that is not there.
    std::fs::write(home.join("loyalty.wasm"), plugin_with(LOYALTY, |it| it["description"] = json!("Other"))).unwrap();
    let refused = published(&words, &home, &token).await.unwrap_err();
    assert!(refused.contains("answered 409") && refused.contains("give the new one a new version"), "{refused}");
    std::fs::write(home.join("loyalty.wasm"), plugin_with(LOYALTY, |it| it["api"] = json!("9.0"))).unwrap();
    let refused = published(&words, &home, &token).await.unwrap_err();
    assert!(refused.contains("built for API 9.0"), "{refused}");
    let schema = |it: &mut Json| it["config"]["schema"] = json!({"type": "nonsense"});
    std::fs::write(home.join("loyalty.wasm"), plugin_with(LOYALTY, schema)).unwrap();
    let refused = published(&words, &home, &token).await.unwrap_err();
    assert!(refused.contains("so it is not published") && refused.contains("settings: "), "{refused}");
    std::fs::write(home.join("loyalty.wasm"), plugin(LOYALTY)).unwrap();
    let nowhere = ["loyalty.wasm", "--to", "http://127.0.0.1:9"];
    let refused = published(&nowhere, &home, &token).await.unwrap_err();
    assert!(refused.contains("http://127.0.0.1:9 cannot be reached"), "{refused}");
    let refused = published(&["loyalty.wasm", "--to", "ftp://host"], &home, &token).await.unwrap_err();
    assert!(refused.contains("no address of a host"), "{refused}");
    assert_eq!(test.ann.get(&format!("/api/v1/plugins/{LOYALTY}")).await.assert(200).json(), shown);
}

/// Debian's `docker-registry`, with an account; it ends with its value.
struct Registry {
    child: Child,
    address: String,
    _directory: tempfile::TempDir,
}

impl Registry {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(place("accounts"), ACCOUNTS).unwrap();
        let config = json!({
            "version": 0.1, "storage": {"filesystem": {"rootdirectory": place("data")}},
            "http": {"addr": "127.0.0.1:0"}, "auth": {"htpasswd": {"realm": "test", "path": place("accounts")}},
        });
        // JSON is YAML, too.
        std::fs::write(place("config.yml"), config.to_string()).unwrap();
        let mut command = Command::new("docker-registry");
        command.args(["serve", &place("config.yml")]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("run `cargo xtask test`: it installs docker-registry");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.by_ref().find_map(|line| {
            let line = line.unwrap();
            let rest = line.split_once("listening on ")?.1;
            Some(rest.split(['"', ' ', ',']).next().unwrap().to_owned())
        });
        // Whoever writes into a pipe that nobody reads stands still.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("the registry ended before it listened"), _directory: directory }
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let url = format!("http://{}/v2/{path}", self.address);
        let accept = "application/vnd.oci.image.manifest.v1+json";
        let request =
            crate::support::client().get(url).basic_auth("vendor", Some("let me in")).header("accept", accept);
        request.send().await.unwrap()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A plugin with a readme and a picture.
fn plugin_to_push() -> (PathBuf, String) {
    let plugin = new("pushed", "before-write");
    std::fs::create_dir(plugin.join("screenshots")).unwrap();
    std::fs::write(plugin.join("screenshots/board.png"), PICTURE).unwrap();
    let (_, key) = run(&["plugin", "keygen", "--to", "secret"], &plugin);
    (plugin, key["key"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_is_pushed_to_a_registry() {
    let registry = Registry::start();
    let (plugin, key) = plugin_to_push();
    let to = format!("oci+http://{}/acme/pushed", registry.address);
    let words = ["--to", &to, "--key", "secret"];
    let refused = published(&words, &plugin, &[]).await.unwrap_err();
    assert!(refused.contains("does not take these credentials"), "{refused}");
    let wrong = [LOGIN[0], ("GUILDHALL_REGISTRY_PASSWORD", "guessed")];
    let refused = published(&words, &plugin, &wrong).await.unwrap_err();
    assert!(refused.contains("does not take these credentials") && !refused.contains("guessed"), "{refused}");
    assert_eq!(registry.get("acme/pushed/tags/list").await.status(), 404);

    // A connection that breaks in the middle leaves no version behind.
    let broken = breaking_after(&registry.address, 40_000).await;
    let through = format!("oci+http://{broken}/acme/pushed");
    let refused = published(&["--to", &through, "--key", "secret"], &plugin, &LOGIN).await.unwrap_err();
    assert!(refused.contains("no tag was set"), "{refused}");
    assert_eq!(registry.get("acme/pushed/manifests/0.1.0").await.status(), 404);

    let made = published(&words, &plugin, &LOGIN).await.unwrap();
    assert_eq!((&made["version"], &made["new"]), (&json!("0.1.0"), &json!(true)));
    let answer = registry.get("acme/pushed/manifests/0.1.0").await;
    assert_eq!(answer.headers()["docker-content-digest"], made["package_digest"].as_str().unwrap());
    let manifest: Json = answer.json().await.unwrap();
    let kinds: Vec<&Json> = manifest["layers"].as_array().unwrap().iter().map(|layer| &layer["mediaType"]).collect();
    let readme = "application/vnd.guildhall.plugin.readme.v1+markdown";
    assert_eq!(kinds, ["application/wasm", readme, "image/png"]);
    for layer in manifest["layers"].as_array().unwrap() {
        let digest = layer["digest"].as_str().unwrap();
        let bytes = registry.get(&format!("acme/pushed/blobs/{digest}")).await.bytes().await.unwrap();
        assert_eq!(digest, format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes))));
    }
    // The package that a host would be given has the same digest, and the signature over it is in the registry.
    run(&["plugin", "pack", "--to", "package.tar", "--key", "secret"], &plugin);
    let (_, seen) = run(&["plugin", "inspect", "package.tar"], &plugin);
    assert_eq!(seen["package_digest"], made["package_digest"]);
    assert!(seen["signatures"][0].as_str().unwrap().contains(&key[..20]), "{seen}");
    assert_eq!(published(&words, &plugin, &LOGIN).await.unwrap()["new"], false);
    change(&plugin.join("src/lib.rs"), "name.trim()", "name.trim_start()");
    let refused = published(&words, &plugin, &LOGIN).await.unwrap_err();
    assert!(refused.contains("is published with another content"), "{refused}");
    let away = registry.address.clone();
    drop(registry);
    let refused = published(&words, &plugin, &LOGIN).await.unwrap_err();
    assert!(refused.contains(&format!("{away} cannot be reached")), "{refused}");
    let refused = published(&["--to", "oci://registry"], &plugin, &LOGIN).await.unwrap_err();
    assert!(refused.contains("names no repository"), "{refused}");
}

/// An address that leads to another one until so many bytes have gone there; then nobody listens any more.
async fn breaking_after(address: &str, mut bytes: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (own, address) = (listener.local_addr().unwrap().to_string(), address.to_owned());
    tokio::spawn(async move {
        while bytes > 0 {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(&address).await.unwrap();
            let (mut asked, mut answered) = ([0; 4096], [0; 4096]);
            loop {
                let is_over = tokio::select! {
                    read = client.read(&mut asked) => {
                        let read = read.unwrap_or_default();
                        bytes = bytes.saturating_sub(read);
                        bytes == 0 || read == 0 || server.write_all(&asked[..read]).await.is_err()
                    }
                    read = server.read(&mut answered) => {
                        let read = read.unwrap_or_default();
                        read == 0 || client.write_all(&answered[..read]).await.is_err()
                    }
                };
                if is_over {
                    break;
                }
            }
        }
    });
    own
}
