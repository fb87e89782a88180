//! Bodies that cannot grow, stall or trickle without end.
//!
//! hyper limits neither the size nor the time of a body; every body that comes from outside
//! goes through [`guard`]. Trailers end here: nothing that was sent after a body becomes a header anywhere.

mod revocable;

pub(crate) use crate::web::body::revocable::{Look, is_open_ended, revocable};

use crate::web::activity::Activity;
use crate::web::{Body, BodyError};
use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full};
use std::convert::Infallible;
use std::future::Future;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// What a body from outside may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes; `None` lets any number stream through.
    pub bytes: Option<u64>,
    /// The longest wait for the next bytes; default 30 s.
    pub idle: Duration,
    /// The longest time from the first read to the end; `None` lets a stream go on. Default `None`.
    pub total: Option<Duration>,
    /// The fewest bytes per second, averaged over [`Limits::idle`] of waiting for the sender; default 240.
    /// Time in which nobody reads does not count. `None` for streams that may be quiet.
    pub rate: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: None,
            idle: Duration::from_secs(30),
            total: None,
            rate: Some(240),
        }
    }
}

/// Why a body was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// More bytes than [`Limits::bytes`].
    #[error("the body is too large")]
    TooLarge,
    /// No bytes for [`Limits::idle`].
    #[error("the body stalled")]
    Stalled,
    /// Fewer bytes than [`Limits::rate`].
    #[error("the body came too slowly")]
    TooSlow,
    /// Not at its end after [`Limits::total`].
    #[error("the body took too long")]
    TooLong,
    /// Not in chunks as it says.
    #[error("the body is malformed")]
    Malformed,
}

impl Cut {
    /// Finds the cut among the causes of an error, however often it was wrapped.
    #[must_use]
    pub fn among(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(cut) = error.downcast_ref::<Self>() {
                return Some(*cut);
            }
            next = error.source();
        }
        None
    }
}

/// Tells a client's body that is malformed from one that broke off.
pub(crate) fn of_client(error: impl Into<BodyError>) -> BodyError {
    let error = error.into();
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
    while let Some(cause) = next {
        let kind = cause.downcast_ref().map(std::io::Error::kind);
        if matches!(kind, Some(ErrorKind::InvalidInput | ErrorKind::InvalidData)) {
            tracing::debug!(%cause, "a malformed body");
            return Cut::Malformed.into();
        }
        next = cause.source();
    }
    error
}

/// No body.
#[must_use]
pub fn empty() -> Body {
    Empty::new().map_err(never).boxed_unsync()
}

/// A body that is known as a whole.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(never).boxed_unsync()
}

fn never(never: Infallible) -> BodyError {
    match never {}
}

/// Passes a body on within `limits` and without its trailers.
pub fn guard<B>(inner: B, limits: Limits) -> Body
where
    B: http_body::Body<Error: Into<BodyError>> + Send + Unpin + 'static,
{
    Guarded::new(inner, limits, None, None::<()>).boxed_unsync()
}

/// The same, and holds `kept` until the body has ended or is dropped.
pub(crate) fn guard_keeping<B, K>(inner: B, limits: Limits, kept: K) -> Body
where
    B: http_body::Body<Error: Into<BodyError>> + Send + Unpin + 'static,
    K: Send + Unpin + 'static,
{
    Guarded::new(inner, limits, None, Some(kept)).boxed_unsync()
}

/// The same as [`guard`], and tells `activity` of every piece that passes.
pub(crate) fn guard_watched<B>(inner: B, limits: Limits, activity: Arc<Activity>) -> Body
where
    B: http_body::Body<Error: Into<BodyError>> + Send + Unpin + 'static,
{
    Guarded::new(inner, limits, Some(activity), None::<()>).boxed_unsync()
}

struct Guarded<B, K> {
    inner: B,
    limits: Limits,
    received: u64,
    /// When the first read came; the total time counts from there.
    began: Option<Instant>,
    /// Since when the sender keeps us waiting.
    waiting: Option<Instant>,
    /// Waiting and bytes since the rate was last judged.
    window: (Duration, u64),
    /// One timer for the whole body: it is armed once and moved on only when it goes off.
    timer: Option<Pin<Box<Sleep>>>,
    activity: Option<Arc<Activity>>,
    kept: Option<K>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Over,
}

impl<B, K> Guarded<B, K> {
    fn new(inner: B, limits: Limits, activity: Option<Arc<Activity>>, kept: Option<K>) -> Self {
        Self {
            inner,
            limits,
            received: 0,
            began: None,
            waiting: None,
            window: (Duration::ZERO, 0),
            timer: None,
            activity,
            kept,
            state: State::Open,
        }
    }

    fn end(&mut self) {
        self.state = State::Over;
        self.kept = None;
    }

    /// Counts a piece that arrived.
    fn count(&mut self, length: usize) -> Result<(), Cut> {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(length);
        if self.limits.bytes.is_some_and(|most| self.received > most) {
            return Err(Cut::TooLarge);
        }
        if let Some(activity) = &self.activity {
            activity.touch();
        }
        let Some(rate) = self.limits.rate else {
            self.waiting = None;
            return Ok(());
        };
        let waited = self
            .waiting
            .take()
            .map_or(Duration::ZERO, |since| since.elapsed());
        self.window = (self.window.0 + waited, self.window.1.saturating_add(length));
        if self.window.0 < self.limits.idle {
            return Ok(());
        }
        let least = u128::from(rate) * self.window.0.as_millis() / 1000;
        let received = u128::from(self.window.1);
        self.window = (Duration::ZERO, 0);
        if received < least {
            Err(Cut::TooSlow)
        } else {
            Ok(())
        }
    }

    /// Waits for the deadline while the sender is silent.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Cut> {
        let waiting = *self.waiting.get_or_insert_with(Instant::now);
        let idle = waiting + self.limits.idle;
        let end = self
            .began
            .zip(self.limits.total)
            .map(|(began, total)| began + total);
        let (deadline, cut) = match end {
            Some(end) if end < idle => (end, Cut::TooLong),
            Some(_) | None => (idle, Cut::Stalled),
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= deadline {
                return Poll::Ready(cut);
            }
            timer.as_mut().reset(deadline);
        }
    }
}

impl<B, K> http_body::Body for Guarded<B, K>
where
    B: http_body::Body<Error: Into<BodyError>> + Unpin,
    K: Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.state == State::Over {
            return Poll::Ready(None);
        }
        let began = *this.began.get_or_insert_with(Instant::now);
        let read = match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Pending => Err(BodyError::from(ready!(this.poll_deadline(cx)))),
            Poll::Ready(None) => Ok(None),
            Poll::Ready(Some(Err(error))) => Err(error.into()),
            // A sender that always has one more byte never lets the timer run.
            Poll::Ready(Some(Ok(_)))
                if this
                    .limits
                    .total
                    .is_some_and(|total| began.elapsed() > total) =>
            {
                Err(Cut::TooLong.into())
            }
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(mut data) => {
                    let data = data.copy_to_bytes(data.remaining());
                    this.count(data.len())
                        .map(|()| Some(data))
                        .map_err(BodyError::from)
                }
                Err(_trailers) => Ok(None),
            },
        };
        Poll::Ready(match read {
            Ok(Some(data)) => Some(Ok(Frame::data(data))),
            Ok(None) => {
                this.end();
                None
            }
            Err(error) => {
                this.end();
                Some(Err(error))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests;
