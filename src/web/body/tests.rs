use crate::web::BodyError;
use crate::web::body::{Cut, Limits, empty, full, guard};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// A body that sends what a test puts into a channel.
struct Channel(mpsc::UnboundedReceiver<Result<Frame<Bytes>, BodyError>>);

impl http_body::Body for Channel {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.poll_recv(cx)
    }
}

fn channel() -> (
    mpsc::UnboundedSender<Result<Frame<Bytes>, BodyError>>,
    Channel,
) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Channel(receiver))
}

fn data(bytes: &'static [u8]) -> Result<Frame<Bytes>, BodyError> {
    Ok(Frame::data(Bytes::from_static(bytes)))
}

fn cut(error: &BodyError) -> Option<Cut> {
    Cut::among(error.as_ref())
}

#[tokio::test]
async fn a_body_passes_up_to_its_limit_and_not_beyond() {
    for (limit, expected) in [(5, None), (4, Some(Cut::TooLarge))] {
        let (sender, inner) = channel();
        sender.send(data(b"abc")).unwrap();
        sender.send(data(b"de")).unwrap();
        drop(sender);
        let limits = Limits {
            bytes: Some(limit),
            ..Limits::default()
        };
        let got = guard(inner, limits).collect().await;
        assert_eq!(got.as_ref().err().and_then(cut), expected);
        if let Ok(got) = got {
            assert_eq!(got.to_bytes(), "abcde");
        }
    }
}

#[tokio::test]
async fn a_silent_sender_is_cut_off() {
    let (sender, inner) = channel();
    sender.send(data(b"abc")).unwrap();
    let limits = Limits {
        idle: Duration::from_millis(20),
        ..Limits::default()
    };
    let error = guard(inner, limits).collect().await.unwrap_err();
    assert_eq!(cut(&error), Some(Cut::Stalled));
    drop(sender);
}

#[tokio::test]
async fn a_trickle_is_cut_off_though_it_never_stalls() {
    let (sender, inner) = channel();
    let trickle = async {
        while sender.send(data(b"x")).is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let limits = Limits {
        idle: Duration::from_millis(300),
        rate: Some(100_000),
        ..Limits::default()
    };
    let reading = guard(inner, limits).collect();
    let (error, ()) = tokio::join!(async { reading.await.unwrap_err() }, trickle);
    assert_eq!(cut(&error), Some(Cut::TooSlow));
}

#[tokio::test]
async fn the_total_time_ends_a_body_that_keeps_coming() {
    let (sender, inner) = channel();
    let flow = async {
        while sender.send(data(b"x")).is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let limits = Limits {
        total: Some(Duration::from_millis(30)),
        ..Limits::default()
    };
    let reading = guard(inner, limits).collect();
    let (error, ()) = tokio::join!(async { reading.await.unwrap_err() }, flow);
    assert_eq!(cut(&error), Some(Cut::TooLong));
}

#[tokio::test]
async fn time_in_which_nobody_reads_does_not_count() {
    let (sender, inner) = channel();
    let limits = Limits {
        idle: Duration::from_millis(20),
        rate: Some(1_000_000),
        ..Limits::default()
    };
    let mut body = guard(inner, limits);
    for _ in 0..3 {
        sender.send(data(b"x")).unwrap();
        tokio::time::sleep(Duration::from_millis(25)).await;
        assert!(body.frame().await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn trailers_are_dropped() {
    let (sender, inner) = channel();
    sender.send(data(b"abc")).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("remote-user", "root".parse().unwrap());
    sender.send(Ok(Frame::trailers(trailers))).unwrap();
    drop(sender);
    let got = guard(inner, Limits::default()).collect().await.unwrap();
    assert_eq!(got.trailers(), None);
    assert_eq!(got.to_bytes(), "abc");
}

#[tokio::test]
async fn nothing_follows_an_error() {
    let (sender, inner) = channel();
    sender.send(Err("broken".into())).unwrap();
    sender.send(data(b"more")).unwrap();
    let mut body = guard(inner, Limits::default());
    assert!(body.frame().await.unwrap().is_err());
    assert!(body.frame().await.is_none());
    assert!(body.is_end_stream());
}

#[tokio::test]
async fn known_bodies_keep_their_length() {
    let body = guard(full("abc"), Limits::default());
    assert_eq!(body.size_hint().exact(), Some(3));
    assert!(guard(empty(), Limits::default()).is_end_stream());
}
