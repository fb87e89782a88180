//! Where a connection stands, and since when: the deadlines that hyper does not have.
//!
//! A request is over when its response is: a body that a client goes on sending after the whole answer counts
//! as the next head, and has that long to end.

use crate::server::Settings;
use crate::web::{Body, BodyError};
use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waiting for the rest of a head; so begins every connection.
    Head,
    /// A request is being answered.
    Busy,
    /// Between two requests.
    Idle,
}

/// Phase and stalls of one connection, noted without locks by those who see them.
#[derive(Debug)]
pub(crate) struct Watch {
    start: Instant,
    /// The phase in the lowest two bits, above them the milliseconds at which it began.
    phase: AtomicU64,
    /// One more than the milliseconds at which the client stopped taking bytes; zero while it takes them.
    stalled: AtomicU64,
}

impl Watch {
    /// A connection that was just opened.
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            phase: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
        }
    }

    /// A head is complete.
    pub(crate) fn request_began(&self) {
        self.enter(Phase::Busy);
    }

    /// Is a request being answered?
    pub(crate) fn is_busy(&self) -> bool {
        self.phase().0 == Phase::Busy
    }

    /// Watches a response to its end.
    pub(crate) fn response(self: Arc<Self>, response: Response<Body>) -> Response<Watched> {
        response.map(|body| Watched { body, watch: self })
    }

    /// Watches the bytes of the connection.
    pub(crate) fn stream<T>(self: &Arc<Self>, stream: T, settings: &Settings) -> WatchedStream<T> {
        WatchedStream {
            stream,
            watch: Arc::clone(self),
            pace: Pace::new(settings.write_rate, settings.write_timeout),
        }
    }

    /// Returns when a deadline has passed.
    pub(crate) async fn overdue(&self, settings: &Settings) {
        loop {
            let now = Instant::now();
            let deadline = self.next_look(now, settings);
            if deadline <= now {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }

    /// When the present phase ends at the latest, or a phase that begins now could.
    fn next_look(&self, now: Instant, settings: &Settings) -> Instant {
        let (phase, since) = self.phase();
        let of_next_phase = now + settings.head_timeout.min(settings.idle_timeout);
        let of_phase = match phase {
            Phase::Head => since + settings.head_timeout,
            Phase::Busy => of_next_phase,
            Phase::Idle => since + settings.idle_timeout,
        };
        let of_writing = match self.stalled.load(Ordering::Relaxed) {
            0 => now + settings.write_timeout,
            since => self.start + Duration::from_millis(since - 1) + settings.write_timeout,
        };
        of_phase.min(of_next_phase).min(of_writing)
    }

    fn phase(&self) -> (Phase, Instant) {
        let packed = self.phase.load(Ordering::Relaxed);
        let phase = match packed & 3 {
            0 => Phase::Head,
            1 => Phase::Busy,
            _ => Phase::Idle,
        };
        (phase, self.start + Duration::from_millis(packed >> 2))
    }

    fn enter(&self, phase: Phase) {
        let code = match phase {
            Phase::Head => 0,
            Phase::Busy => 1,
            Phase::Idle => 2,
        };
        self.phase
            .store(self.millis() << 2 | code, Ordering::Relaxed);
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX >> 2)
    }

    fn bytes_came(&self) {
        if self.phase.load(Ordering::Relaxed) & 3 == 2 {
            self.enter(Phase::Head);
        }
    }

    /// Notes what became of a write; tells how long the client kept it waiting.
    fn wrote<T>(&self, polled: &Poll<T>) -> Duration {
        let since = self.stalled.load(Ordering::Relaxed);
        match (polled, since) {
            (Poll::Pending, 0) => {
                self.stalled.store(self.millis() + 1, Ordering::Relaxed);
                Duration::ZERO
            }
            (Poll::Pending, _) | (Poll::Ready(_), 0) => Duration::ZERO,
            (Poll::Ready(_), since) => {
                self.stalled.store(0, Ordering::Relaxed);
                Duration::from_millis((self.millis() + 1).saturating_sub(since))
            }
        }
    }
}

/// A response body; when it is dropped, the connection waits for the next request.
pub(crate) struct Watched {
    body: Body,
    watch: Arc<Watch>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.enter(Phase::Idle);
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How fast a client takes what we send, while we wait for it: one that takes a byte a minute is never stalled
/// for long, and would hold an answer and a connection to the app for ever.
#[derive(Debug)]
struct Pace {
    /// Bytes per second.
    least: u32,
    window: Duration,
    waited: Duration,
    taken: u64,
}

impl Pace {
    fn new(least: u32, window: Duration) -> Self {
        Self {
            least,
            window,
            waited: Duration::ZERO,
            taken: 0,
        }
    }

    /// Counts bytes that were taken after a wait; an error when they were too few for too long.
    fn count(&mut self, waited: Duration, taken: usize) -> io::Result<()> {
        self.taken = self
            .taken
            .saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        self.waited += waited;
        if self.waited < self.window {
            return Ok(());
        }
        let least = u128::from(self.least) * self.waited.as_millis() / 1000;
        let too_slow = u128::from(self.taken) < least;
        (self.waited, self.taken) = (Duration::ZERO, 0);
        if too_slow {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

/// The bytes of a connection.
pub(crate) struct WatchedStream<T> {
    stream: T,
    watch: Arc<Watch>,
    pace: Pace,
}

impl<T> WatchedStream<T> {
    fn wrote(&mut self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let waited = self.watch.wrote(&polled);
        polled.map(|written| {
            let taken = written?;
            self.pace.count(waited, taken)?;
            Ok(taken)
        })
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for WatchedStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.watch.bytes_came();
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WatchedStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_too_slow_only_while_we_wait_for_it() {
        let second = Duration::from_secs(1);
        for (waits, each, kept) in [
            // Enough, just enough, too little; and slow for less than the window.
            (60, 1000, true),
            (60, 240, true),
            (60, 239, false),
            (59, 1, true),
        ] {
            let mut pace = Pace::new(240, 60 * second);
            let mut counted = (0..waits).map(|_| pace.count(second, each));
            assert_eq!(counted.all(|count| count.is_ok()), kept, "{waits} {each}");
        }
        let mut pace = Pace::new(240, 60 * second);
        assert!((0..1000).all(|_| pace.count(Duration::ZERO, 1).is_ok()));
    }
}
