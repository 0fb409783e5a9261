//! The client examples: generated from this host's document, they print the same, and end clearly.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use guildhall::http;
use serde_json::json;
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::support::{Actor, On, TestApp};

both!(
    every_client_does_the_same
    who_may_not_is_told_why
    a_client_comes_again_after_the_time_that_it_is_told
    a_client_that_is_always_refused_gives_up
);

const EXPECTED: &str = include_str!("../../../examples/clients/expected.txt");
/// The clients: their folders, and what runs them there.
const CLIENTS: [(&str, &str); 3] =
    [("curl", "bash walk.sh"), ("python", "venv/bin/python3 walk.py"), ("typescript", "node dist/main.js")];

/// What makes the clients from the document, as their READMEs say: without any warning, and with no wrong type.
const MAKING: [(&str, &str); 4] = [
    (
        "python",
        "venv/bin/openapi-python-client generate --path=openapi.json --config=generator.yml --meta=none \
         --output-path=guildhall_client --overwrite --fail-on-warning",
    ),
    ("python", "venv/bin/mypy --strict --follow-imports=silent walk.py patient.py"),
    ("typescript", "npm run --silent generate"),
    ("typescript", "npm run --silent build"),
];

/// How a program ended.
#[derive(Debug, PartialEq)]
struct End {
    code: Option<i32>,
    said: String,
    complained: String,
}

impl End {
    fn new(code: i32, said: &str, complained: &str) -> Self {
        Self { code: Some(code), said: said.to_owned(), complained: complained.to_owned() }
    }
}

/// The folder that `cargo xtask test` has made: tools, and a copy of the examples.
fn folder() -> PathBuf {
    std::env::var("GUILDHALL_CLIENTS_DIR")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients"), PathBuf::from)
}

async fn run(client: &str, line: &str, variables: &[(&str, &str)]) -> End {
    let folder = folder();
    let home = folder.join("tree/examples/clients").join(client);
    let mut words = line.split_whitespace();
    let program = words.next().unwrap();
    let mut command =
        Command::new(if program.starts_with("venv/") { folder.join(program) } else { PathBuf::from(program) });
    let output = command.args(words).current_dir(&home).envs(variables.iter().copied()).output().await;
    let output = output.unwrap_or_else(|error| panic!("{line}: {error}; run `cargo xtask test`"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    End { code: output.status.code(), said: text(output.stdout), complained: text(output.stderr) }
}

/// Has the clients generated from the document that this actor gets, once for all tests, and again when it changes.
async fn generate(actor: &Actor) {
    static DONE: OnceCell<()> = OnceCell::const_new();
    let document = actor.get("/api/v1/openapi.json").await.assert(200).text;
    let generated = async {
        let examples = folder().join("tree/examples/clients");
        let mark = examples.join("generated-from.json");
        if std::fs::read_to_string(&mark).is_ok_and(|done| done == document) {
            return;
        }
        for (client, line) in MAKING {
            std::fs::write(examples.join(client).join("openapi.json"), &document).unwrap();
            let end = run(client, line, &[]).await;
            // A generator that does not understand a schema prints it, and all that need it.
            let beginning: String = end.complained.chars().take(2_000).collect();
            assert_eq!(end.code, Some(0), "{line}: {}{beginning}", end.said);
        }
        std::fs::write(mark, &document).unwrap();
    };
    DONE.get_or_init(|| generated).await;
}

/// Runs a client as this actor.
async fn walk((client, line): (&str, &str), actor: &Actor) -> End {
    run(client, line, &[("GUILDHALL_URL", &actor.url("")), ("GUILDHALL_KEY", actor.key())]).await
}

async fn every_client_does_the_same(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    generate(&ann).await;
    for client in CLIENTS {
        assert_eq!(walk(client, &ann).await, End::new(0, EXPECTED, ""), "{client:?}");
        assert!(ann.all("contact", &[]).await.is_empty() && ann.all("company", &[]).await.is_empty(), "{client:?}");
    }
}

async fn who_may_not_is_told_why(on: On) {
    let TestApp { vic, ann, .. } = TestApp::start(on).await;
    generate(&ann).await;
    let refused = "error: permission_denied (403): the role `viewer` may not create `company`\n";
    let unknown = "error: unauthenticated (401): the API key or session is missing, unknown or expired\n";
    for client in CLIENTS {
        assert_eq!(walk(client, &vic).await, End::new(1, "me: viewer\n", refused), "{client:?}");
        assert_eq!(walk(client, &vic.with_key("gh_unknown")).await, End::new(1, "", unknown), "{client:?}");
    }
}

/// Stands before a host, and refuses the first requests that write.
struct Gate {
    refusals: usize,
    retry_after: &'static str,
    came: Mutex<Vec<Instant>>,
}

impl Gate {
    /// A host that has one.
    async fn before(test: &TestApp, refusals: usize, retry_after: &'static str) -> (Arc<Self>, Actor) {
        let gate = Arc::new(Self { refusals, retry_after, came: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = http::router(&test.app).layer(from_fn_with_state(Arc::clone(&gate), Self::pass));
        tokio::spawn(async move {
            axum::serve(listener, router.into_make_service_with_connect_info::<std::net::SocketAddr>()).await
        });
        (gate, test.ann.at(&address))
    }

    async fn pass(State(gate): State<Arc<Self>>, request: Request, next: Next) -> Response {
        if request.method() == Method::POST {
            let mut came = gate.came.lock().unwrap();
            came.push(Instant::now());
            if came.len() <= gate.refusals {
                let kind = "urn:guildhall:problem:rate_limited";
                let (title, detail) = ("Too many requests", "too much");
                let body =
                    json!({"type": kind, "title": title, "status": 429, "code": "rate_limited", "detail": detail});
                let headers =
                    [(header::CONTENT_TYPE, "application/problem+json"), (header::RETRY_AFTER, gate.retry_after)];
                return (StatusCode::TOO_MANY_REQUESTS, headers, body.to_string()).into_response();
            }
        }
        next.run(request).await
    }
}

async fn a_client_comes_again_after_the_time_that_it_is_told(on: On) {
    let test = TestApp::start(on).await;
    generate(&test.ann).await;
    for client in CLIENTS {
        let (gate, ann) = Gate::before(&test, 1, "1").await;
        assert_eq!(walk(client, &ann).await, End::new(0, EXPECTED, ""), "{client:?}");
        let came = gate.came.lock().unwrap();
        // A timer may be a little early.
        assert!(came[1] - came[0] > Duration::from_millis(900), "{client:?}");
    }
}

async fn a_client_that_is_always_refused_gives_up(on: On) {
    let test = TestApp::start(on).await;
    generate(&test.ann).await;
    for client in CLIENTS {
        let (gate, ann) = Gate::before(&test, usize::MAX, "0").await;
        let refused = End::new(1, "me: admin\n", "error: rate_limited (429): too much\n");
        assert_eq!(walk(client, &ann).await, refused, "{client:?}");
        assert_eq!(gate.came.lock().unwrap().len(), 5, "{client:?}");
    }
}
