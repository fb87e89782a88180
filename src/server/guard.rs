//! Heads as bytes, before anything repairs them.
//!
//! The parser below us is lenient where an attacker needs it: it takes a bare line feed for a line end, folds equal
//! lengths into one, drops a length next to chunks, cuts a target at `#`. Whoever stands in front may have read the same bytes in
//! another way, and the difference is a smuggled request (RFC 9112 section 11.2). So a [`Guard`] sits between the client's
//! stream and the parser, and hands on only what has one reading: the grammar of RFC 9112 without its tolerances.
//!
//! # Why guard and parser cannot disagree to an attacker's profit
//!
//! * A head is handed on whole or not at all, after every line of it was checked ([`head`]); bodies are followed
//!   byte by byte ([`body`]).
//! * **One message at a time.** What comes after the end of a message, as the guard sees it, stays here until the answer is over.
//!   A parser that took the message for longer waits in vain, until a deadline closes the connection. A parser that took it for
//!   shorter reads the rest as a request, and finds no ticket for it.
//! * Every head leaves a ticket at the [`Desk`]: how many lines it had and how its body is framed. A request is
//!   served only against a ticket that fits; after anything else the desk is closed, and nothing more is handed on.
//! * A head that is refused is never shown to the parser. In its place stands a request of ours, which the ticket marks as
//!   refused; so the answer is written in its turn, behind those of the requests before it, and is the last.
//!
//! # What it costs
//!
//! Bodies and whole heads stay where the kernel put them. Copied is only a head that came in pieces, and what a client sent ahead
//! of its turn: at most the limit of a head and one read.

mod head;
mod body;

use crate::server::connection::Watch;
use crate::server::guard::body::Message;
use crate::server::guard::head::{Facts, Head};
use crate::web::request::Refusal;
use bytes::{Buf as _, BytesMut};
use http::Request;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

pub(crate) use crate::server::guard::head::Limits;

/// What the parser reads in the place of a refused head.
const SUBSTITUTE: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

/// How many bytes of a client that was turned away are still read, so that the answer reaches it.
const LINGERING_BYTES: usize = 256 * 1024;

/// For how long.
const LINGERING_TIME: Duration = Duration::from_secs(1);

/// Where the guard leaves a ticket for each head, and the server takes it.
#[derive(Debug)]
pub(crate) struct Desk(Mutex<Place>);

#[derive(Debug)]
enum Place {
    Free,
    Ticket(Result<Facts, Refusal>),
    /// What comes is no HTTP any more.
    Tunnel,
    /// Something was read in two ways.
    Closed,
}

impl Desk {
    /// Nothing was read yet.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Place::Free))
    }

    /// The request that was parsed, if it is the one that was checked.
    ///
    /// # Errors
    /// What is wrong with the bytes that it stands for.
    pub(crate) fn admit<B: http_body::Body>(
        &self,
        request: Request<B>,
    ) -> Result<Request<B>, Refusal> {
        let mut place = self.place();
        match std::mem::replace(&mut *place, Place::Free) {
            Place::Ticket(Ok(facts))
                if facts.fit(request.headers(), &request.body().size_hint()) =>
            {
                Ok(request)
            }
            Place::Ticket(Err(refusal)) => {
                *place = Place::Closed;
                Err(refusal)
            }
            Place::Ticket(Ok(_)) | Place::Free | Place::Tunnel | Place::Closed => {
                *place = Place::Closed;
                tracing::error!("a request was read in two ways");
                Err(Refusal::TwoReadings)
            }
        }
    }

    /// From here on the bytes of the client are not HTTP.
    pub(crate) fn open_tunnel(&self) {
        *self.place() = Place::Tunnel;
    }

    fn leave(&self, ticket: Result<Facts, Refusal>) {
        *self.place() = Place::Ticket(ticket);
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where in a client's bytes we are.
#[derive(Debug)]
enum State {
    /// In a head, or before one. Its bytes are held back.
    Head(Head),
    /// In the body of the message that was handed on last.
    Body(Message),
    /// A head was refused; what follows it is thrown away.
    Refused,
    /// A body was malformed; there is no telling where it ends.
    Broken,
    /// Not HTTP any more.
    Tunnel,
}

/// A client's stream that yields only messages with one reading.
pub(crate) struct Guard<T> {
    stream: T,
    watch: Arc<Watch>,
    desk: Arc<Desk>,
    limits: Limits,
    state: State,
    /// Bytes that were read and not handed on yet.
    held: BytesMut,
    /// How many of these, from the front, may be.
    clear: usize,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<T> Guard<T> {
    /// Guards `stream`, whose answers `watch` follows.
    pub(crate) fn new(stream: T, watch: Arc<Watch>, desk: Arc<Desk>, limits: Limits) -> Self {
        Self {
            stream,
            watch,
            desk,
            limits,
            state: State::Head(Head::new()),
            held: BytesMut::new(),
            clear: 0,
            lingering: None,
        }
    }

    /// May the next head be handed on?
    fn is_free(&self) -> bool {
        !self.watch.is_busy() && matches!(*self.desk.place(), Place::Free)
    }

    /// Judges `bytes`, which follow what was handed on, and returns how many of them may be.
    fn judge(&mut self, bytes: &[u8]) -> usize {
        let mut clear = 0;
        while clear < bytes.len() {
            let rest = &bytes[clear..];
            let free = self.is_free();
            match &mut self.state {
                State::Head(_) if !free => return clear,
                State::Head(head) => match head.read(rest, &self.limits) {
                    Ok(None) => return clear,
                    Ok(Some((length, facts))) => {
                        clear += length;
                        self.state = after_head(&facts);
                        self.desk.leave(Ok(facts));
                    }
                    Err(refusal) => {
                        self.state = State::Refused;
                        self.desk.leave(Err(refusal));
                        return clear;
                    }
                },
                State::Body(message) => {
                    let (length, progress) = message.read(rest);
                    clear += length;
                    match progress {
                        body::Progress::Under => {}
                        body::Progress::Over => self.state = State::Head(Head::new()),
                        body::Progress::Malformed => self.state = State::Broken,
                    }
                }
                State::Refused | State::Broken => return clear,
                State::Tunnel => return bytes.len(),
            }
        }
        clear
    }

    /// Judges what is held, or puts what stands for a refused head in its place.
    fn judge_held(&mut self) {
        if matches!(*self.desk.place(), Place::Tunnel) {
            self.state = State::Tunnel;
        }
        if self.clear == 0 && !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            self.clear = self.judge(&held);
            self.held = held;
        }
        if self.clear == 0 && matches!(self.state, State::Refused) && !self.held.is_empty() {
            self.held.clear();
            self.held.extend_from_slice(SUBSTITUTE);
            self.clear = SUBSTITUTE.len();
        }
    }

    /// Hands on what is held and clear.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.clear.min(buffer.remaining());
        buffer.put_slice(&self.held[..length]);
        self.held.advance(length);
        self.clear -= length;
        if matches!(self.state, State::Refused) && self.clear == 0 {
            self.held.clear();
        }
        if self.held.is_empty() {
            // A pipelining client's buffer is not kept for the life of its connection.
            self.held = BytesMut::new();
        }
    }
}

fn after_head(facts: &Facts) -> State {
    match facts.message() {
        Some(message) => State::Body(message),
        None => State::Head(Head::new()),
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a malformed chunk")
}

impl<T: AsyncRead + Unpin> Guard<T> {
    /// Reads some bytes and throws them away.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut scratch = [0; 4096];
        let mut scratch = ReadBuf::new(&mut scratch);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut scratch))?;
        Poll::Ready(Ok(scratch.filled().len()))
    }

    /// Reads on for a moment after the last answer: closing a socket with unread bytes makes the kernel take back what
    /// the client has not read yet.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_clean = self.held.is_empty() && matches!(self.state, State::Head(_) | State::Tunnel);
        if is_clean {
            return Poll::Ready(());
        }
        loop {
            let read = self.poll_discard(cx);
            let (timer, left) = self.lingering.get_or_insert_with(|| {
                (
                    Box::pin(tokio::time::sleep(LINGERING_TIME)),
                    LINGERING_BYTES,
                )
            });
            match read {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(length)) if length >= *left => return Poll::Ready(()),
                Poll::Ready(Ok(length)) => *left -= length,
                Poll::Pending => return timer.as_mut().poll(cx),
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guard<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            this.judge_held();
            if this.clear > 0 {
                this.hand_on(buffer);
                return Poll::Ready(Ok(()));
            }
            match this.state {
                State::Broken => return Poll::Ready(Err(malformed())),
                // The answer to the refused head is the last; nobody waits for anything else.
                State::Refused => return Poll::Pending,
                // The parser asks again when the answer is over.
                State::Head(_) if !this.held.is_empty() && !this.is_free() => return Poll::Pending,
                State::Head(_) | State::Body(_) | State::Tunnel => {}
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
            let read = &buffer.filled()[before..];
            if read.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let clear = if this.held.is_empty() {
                this.judge(read)
            } else {
                0
            };
            this.held.extend_from_slice(&read[clear..]);
            buffer.set_filled(before + clear);
            if clear > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests;
