//! `guildhall plugin dev` and `logs`, by the real binary: a plugin while it is made, and what a module says.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::kit::{change, guildhall, new};
use crate::support::{Actor, On, TestApp};

both!(what_a_module_says_is_followed);

const HOSTILE: &str = "test.hostile";

/// A command that goes on, and what it prints; it ends with its value.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(words: &[&str], at: &Path) -> Self {
        let mut command = tokio::process::Command::from(guildhall(words, at));
        let mut child = command.arg("--json").stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Ends it as Ctrl-C does.
    async fn interrupt(mut self) {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).unwrap();
        kill_process(id, Signal::INT).unwrap();
        assert!(self.child.wait().await.unwrap().success());
    }

    /// The next line that it prints.
    async fn next(&mut self) -> Json {
        let line = self.lines.next_line().await.unwrap().expect("it ended");
        serde_json::from_str(&line).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_is_swapped_in_at_every_change() {
    let plugin = new("swapped", "before-write");
    std::fs::write(plugin.join("sample.json"), json!({"contact": [{"name": " Ada "}, {"name": " "}]}).to_string())
        .unwrap();
    let words = ["plugin", "dev", "--listen", "127.0.0.1:0", "--public-url", "https://tunnel.example.com"];
    let mut dev = Running::start(&words, &plugin);
    let host = dev.next().await;
    assert_eq!(host["public_url"], "https://tunnel.example.com");
    let ann = Actor::outside(host["host"].as_str().unwrap(), host["api_key"].as_str().unwrap());
    let runs = dev.next().await;
    assert_eq!((&runs["id"], &runs["version"]), (&json!("acme.swapped"), &json!("0.1.0-dev.1")), "{runs}");
    // Sample data comes with the first version, and meets it: what that refuses is told.
    let refused = dev.next().await;
    assert_eq!((&refused["sample"], &refused["problem"]["status"]), (&json!("contact[1]"), &json!(422)), "{refused}");
    // What it says is printed.
    let source = plugin.join("src/lib.rs");
    change(
        &source,
        "        trimmed => Outcome::Amend(Record::new().set(\"name\", trimmed)),",
        "        trimmed => {\n guildhall_sdk::log::info(\"seen\", &[(\"name\", trimmed)]);\n \
         Outcome::Amend(Record::new().set(\"name\", format!(\"{trimmed}!\")))\n }",
    );
    let runs = dev.next().await;
    assert_eq!(runs["version"], "0.1.0-dev.2", "{runs}");
    let names = |records: &[Json]| records.iter().map(|it| it["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&ann.all("contact", &[]).await), ["Ada"]);
    assert_eq!(ann.create("contact", json!({"name": " Bo "})).await["name"], "Bo!");
    let said = dev.next().await;
    assert_eq!((&said["message"], &said["fields"]["name"]), (&json!("seen"), &json!("Bo")), "{said}");
    // What does not compile leaves in place what ran before.
    change(&source, "struct Plugin;", "struct Plugin");
    let told = dev.next().await;
    assert!(told["error"].as_str().unwrap().contains("`cargo build` ended with"), "{told}");
    assert_eq!(ann.create("contact", json!({"name": " Cy "})).await["name"], "Cy!");
    assert_eq!(dev.next().await["fields"]["name"], "Cy");
    change(&source, "struct Plugin\n", "struct Plugin;\n");
    assert_eq!(dev.next().await["version"], "0.1.0-dev.4");
    // It ends when it is told to.
    dev.interrupt().await;
    std::fs::write(plugin.join("sample.json"), "[]").unwrap();
    let done = guildhall(&["plugin", "dev", "--listen", "127.0.0.1:0"], &plugin).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && said.contains("is lists of records by object"), "{said}");
}

async fn what_a_module_says_is_followed(on: On) {
    let test = TestApp::with_plugin(on, HOSTILE).await;
    let trap = |note: &'static str| {
        let ann = test.ann.clone();
        async move {
            let fields = json!({"name": "Ann", "note": note});
            ann.post("/api/v1/records/contact", &fields).await.problem(422, "plugin_trap");
        }
    };
    trap("trap").await;
    let (host, key) = (test.ann.url(""), test.ann.key().to_owned());
    let home = std::env::temp_dir();
    let reach = ["plugin", "logs", HOSTILE, "--host", &host, "--api-key", &key];
    let mut logs = Running::start(&[&reach[..], &["--follow"]].concat(), &home);
    let first = logs.next().await;
    assert!(first["message"].as_str().unwrap().contains("trapped on command"), "{first}");
    trap("trap").await;
    let second = logs.next().await;
    assert!(second["level"] == "error" && second["invocation"] != first["invocation"], "{second}");
    // Without it, the command ends; for a person it is a line.
    let once = |words: Vec<String>| async move {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        tokio::process::Command::from(guildhall(&words, &std::env::temp_dir())).output().await.unwrap()
    };
    let words: Vec<String> = reach.iter().map(|word| (*word).to_owned()).collect();
    let done = once([&words[..], &["--lines".to_owned(), "1".to_owned()]].concat()).await;
    let printed = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success() && printed.lines().count() == 1, "{printed}");
    assert!(printed.contains(" ERROR 0.1.0 before-write: ") && printed.contains("trapped on command"), "{printed}");
    let viewer = [&words[..6], &[test.vic.key().to_owned()]].concat();
    let refused = once(viewer).await;
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("answered 403 (permission_denied)"), "{said}");
}
