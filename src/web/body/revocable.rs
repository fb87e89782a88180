//! Answers without an end of their own, such as event streams: they go on for as long as their visitor may have them.

use crate::web::{Body, BodyError};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

/// Whether a visitor may still have what was opened.
pub(crate) type Look = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Does the body not say how long it is? Any other ends by itself.
pub(crate) fn is_open_ended(body: &Body) -> bool {
    use http_body::Body as _;
    !body.is_end_stream() && body.size_hint().exact().is_none()
}

/// Why a stream broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("whom the stream is for may not have it any more")]
pub(crate) struct Revoked;

/// Passes `body` on until a look says no: then it breaks off with [`Revoked`].
///
/// A piece that comes `every` or longer after the last look waits for the next one. A body that is silent is
/// not looked at: nobody gets anything from it.
pub(crate) fn revocable<L>(body: Body, every: Duration, look: L) -> Body
where
    L: Fn() -> Look + Send + Unpin + 'static,
{
    let revocable = Revocable {
        body,
        every,
        look,
        looked: Instant::now(),
        held: None,
        state: State::Open,
    };
    revocable.boxed_unsync()
}

struct Revocable<L> {
    body: Body,
    every: Duration,
    look: L,
    /// When the last look was.
    looked: Instant,
    /// A piece that waits for a look.
    held: Option<(Frame<Bytes>, Look)>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Revoked,
}

impl<L: Fn() -> Look + Unpin> http_body::Body for Revocable<L> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.state == State::Revoked {
            return Poll::Ready(None);
        }
        let (frame, mut look) = match this.held.take() {
            Some(held) => held,
            None => match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) if this.looked.elapsed() >= this.every => (frame, (this.look)()),
                passed => return Poll::Ready(passed),
            },
        };
        match look.as_mut().poll(cx) {
            Poll::Pending => {
                this.held = Some((frame, look));
                Poll::Pending
            }
            Poll::Ready(true) => {
                this.looked = Instant::now();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(false) => {
                this.state = State::Revoked;
                Poll::Ready(Some(Err(Revoked.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Revoked || (self.held.is_none() && self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::body::{empty, full};
    use http_body::Body as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use tokio::sync::mpsc;

    const ALWAYS: Duration = Duration::ZERO;
    const NOT_YET: Duration = Duration::from_secs(3600);

    /// A stream, whether its visitor may have it, and how often that was asked.
    struct Scene {
        sender: mpsc::UnboundedSender<&'static str>,
        allowed: Arc<AtomicBool>,
        looks: Arc<AtomicUsize>,
        body: Body,
    }

    struct Channel(mpsc::UnboundedReceiver<&'static str>);

    impl http_body::Body for Channel {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            let piece = ready!(self.0.poll_recv(cx));
            Poll::Ready(piece.map(|text| Ok(Frame::data(Bytes::from(text)))))
        }
    }

    fn scene(every: Duration) -> Scene {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (allowed, looks) = (
            Arc::new(AtomicBool::new(true)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (answer, asked) = (Arc::clone(&allowed), Arc::clone(&looks));
        let look = move || -> Look {
            let answer = Arc::clone(&answer);
            asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                tokio::task::yield_now().await;
                answer.load(Ordering::Relaxed)
            })
        };
        let body = revocable(Channel(receiver).boxed_unsync(), every, look);
        Scene {
            sender,
            allowed,
            looks,
            body,
        }
    }

    impl Scene {
        async fn next(&mut self, sent: &'static str) -> Result<Bytes, BodyError> {
            self.sender.send(sent).unwrap();
            let frame = self.body.frame().await.expect("a piece");
            frame.map(|frame| frame.into_data().unwrap())
        }
    }

    #[tokio::test]
    async fn a_stream_breaks_off_at_its_first_piece_after_the_right_to_it_ended() {
        let mut scene = scene(ALWAYS);
        assert_eq!(scene.next("a").await.unwrap(), "a");
        scene.allowed.store(false, Ordering::Relaxed);
        assert!(scene.next("b").await.unwrap_err().is::<Revoked>());
        assert!(scene.body.is_end_stream() && scene.body.frame().await.is_none());
        assert_eq!(scene.looks.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn pieces_soon_after_a_look_pass_without_one() {
        let mut scene = scene(NOT_YET);
        scene.allowed.store(false, Ordering::Relaxed);
        for _ in 0..1000 {
            scene.next("piece").await.unwrap();
        }
        assert_eq!(scene.looks.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn no_piece_is_lost_when_the_reader_turns_away_during_a_look() {
        let mut scene = scene(ALWAYS);
        scene.sender.send("kept").unwrap();
        let waker = std::task::Waker::noop();
        let first = Pin::new(&mut scene.body).poll_frame(&mut Context::from_waker(waker));
        assert!(first.is_pending());
        let frame = scene.body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "kept");
        assert_eq!(scene.looks.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_body_is_not_over_while_its_last_piece_waits_for_a_look() {
        let look = || -> Look {
            Box::pin(async {
                tokio::task::yield_now().await;
                true
            })
        };
        let mut body = revocable(full("last"), ALWAYS, look);
        let waker = std::task::Waker::noop();
        let first = Pin::new(&mut body).poll_frame(&mut Context::from_waker(waker));
        assert!(first.is_pending() && !body.is_end_stream());
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "last");
        assert!(body.is_end_stream());
    }

    #[test]
    fn a_body_that_says_how_long_it_is_ends_by_itself() {
        assert!(!is_open_ended(&full("whole")) && !is_open_ended(&empty()));
        assert!(is_open_ended(&scene(ALWAYS).body));
    }
}
