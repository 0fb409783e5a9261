//! What each answer of a receiver does, and what the lack of one does: delivered, tried again, or left alone
//! for a while; in virtual time.

use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::receiver::{Receiver, status, with_header};
use crate::support::{On, TestApp};
use crate::webhooks::make;

both!(
    answered_200_is_delivered
    answered_201_is_delivered
    answered_202_is_delivered
    answered_204_is_delivered
    answered_301_is_not_followed_and_tried_again
    answered_302_is_not_followed_and_tried_again
    answered_307_is_not_followed_and_tried_again
    answered_308_is_not_followed_and_tried_again
    answered_400_is_tried_again
    answered_401_is_tried_again
    answered_404_is_tried_again
    answered_409_is_tried_again
    answered_422_is_tried_again
    answered_500_is_tried_again
    answered_429_is_left_alone_for_a_while
    answered_502_is_left_alone_for_a_while
    answered_503_is_left_alone_for_a_while
    answered_504_is_left_alone_for_a_while
    connection_refused_is_tried_again
    connection_closed_without_an_answer_is_tried_again
    answer_that_is_not_http_is_tried_again
    name_that_leads_nowhere_is_tried_again
);

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Delivered,
    TriedAgain,
    LeftAlone,
}

struct Scene {
    test: TestApp,
    clock: Clock,
    path: String,
}

async fn scene(on: On, url: &str) -> Scene {
    let clock = Clock::manual(Timestamp::parse("2026-11-22T10:00:00Z").unwrap());
    let test = TestApp::with_webhooks(on, clock.clone()).await;
    let (_, path) = make(&test.ann, json!({"url": url})).await;
    Scene { test, clock, path }
}

impl Scene {
    async fn tell(&self, name: &str) {
        self.test.ann.create("contact", json!({"name": name})).await;
        self.test.app.deliver_due().await.unwrap();
    }

    async fn deliveries(&self, state: &str) -> Vec<Json> {
        let page = self.test.ann.get(&format!("{}/deliveries?status={state}", self.path)).await.assert(200).json();
        page["data"].as_array().unwrap().clone()
    }

    /// Checks that one attempt failed, and that a second one will come.
    async fn waits(&self) -> String {
        let waiting = self.deliveries("waiting").await;
        assert_eq!((waiting.len(), &waiting[0]["attempts"]), (1, &json!(1)), "{waiting:?}");
        waiting[0]["last_error"].as_str().unwrap().to_owned()
    }
}

async fn answered(on: On, code: u16, fate: Fate) {
    let receiver = Receiver::start().await;
    let elsewhere = Receiver::start().await;
    let place = elsewhere.url("/");
    receiver.answer(
        move |_, _| if (300..400).contains(&code) { with_header(code, "location", &place) } else { status(code) },
    );
    let scene = scene(on, &receiver.url("/")).await;
    scene.tell("first").await;
    assert_eq!(receiver.got().len(), 1);
    if fate == Fate::Delivered {
        assert_eq!(scene.deliveries("delivered").await.len(), 1);
    } else {
        let error = scene.waits().await;
        assert!(error.contains(&code.to_string()), "{error}");
    }
    // An event of another record: only who is to be left alone does not get it at once.
    scene.tell("second").await;
    assert_eq!(receiver.got().len(), if fate == Fate::LeftAlone { 1 } else { 2 });
    receiver.answer(|_, _| status(204));
    scene.clock.advance(Duration::from_mins(5));
    scene.test.app.deliver_due().await.unwrap();
    let expected = match fate {
        Fate::Delivered => 2,
        Fate::TriedAgain => 4,
        Fate::LeftAlone => 3,
    };
    assert_eq!(receiver.got().len(), expected);
    assert_eq!(scene.deliveries("delivered").await.len(), 2);
    assert!(elsewhere.got().is_empty(), "a redirect was followed");
}

macro_rules! answers {
    ($($name:ident $code:literal $fate:ident)*) => {
        $(async fn $name(on: On) {
            answered(on, $code, Fate::$fate).await;
        })*
    };
}

answers!(
    answered_200_is_delivered 200 Delivered
    answered_201_is_delivered 201 Delivered
    answered_202_is_delivered 202 Delivered
    answered_204_is_delivered 204 Delivered
    answered_301_is_not_followed_and_tried_again 301 TriedAgain
    answered_302_is_not_followed_and_tried_again 302 TriedAgain
    answered_307_is_not_followed_and_tried_again 307 TriedAgain
    answered_308_is_not_followed_and_tried_again 308 TriedAgain
    answered_400_is_tried_again 400 TriedAgain
    answered_401_is_tried_again 401 TriedAgain
    answered_404_is_tried_again 404 TriedAgain
    answered_409_is_tried_again 409 TriedAgain
    answered_422_is_tried_again 422 TriedAgain
    answered_500_is_tried_again 500 TriedAgain
    answered_429_is_left_alone_for_a_while 429 LeftAlone
    answered_502_is_left_alone_for_a_while 502 LeftAlone
    answered_503_is_left_alone_for_a_while 503 LeftAlone
    answered_504_is_left_alone_for_a_while 504 LeftAlone
);

/// Sends one message to a place that does not answer it; what is kept about it tells nothing of the inside.
async fn unanswered(on: On, url: &str) {
    let scene = scene(on, url).await;
    scene.tell("first").await;
    let error = scene.waits().await;
    assert!(!error.contains("os error") && !error.contains("127.0.0.1"), "{error}");
}

async fn connection_refused_is_tried_again(on: On) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    unanswered(on, &url).await;
}

/// A receiver that hears the request out, says this, and closes.
async fn says(words: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut asked = [0; 1024];
            let _ = client.read(&mut asked).await;
            let _ = client.write_all(words).await;
        }
    });
    url
}

async fn connection_closed_without_an_answer_is_tried_again(on: On) {
    unanswered(on, &says(b"").await).await;
}

async fn answer_that_is_not_http_is_tried_again(on: On) {
    unanswered(on, &says(b"220 mail.example.com ESMTP\r\n\r\n").await).await;
}

async fn name_that_leads_nowhere_is_tried_again(on: On) {
    unanswered(on, "http://nothing.invalid/").await;
}
