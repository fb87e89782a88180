//! Sends requests at a fixed rate and tells how long answers took; see README.md.
//!
//! usage: `paced ADDRESS RATE SECONDS CONNECTIONS FILE`. The file holds whole requests of HTTP/1.1, each after a
//! line with its length in bytes; they are sent one after the other and again from the first.
//!
//! A request that is due while every connection is busy waits, and its waiting counts: time runs from the moment
//! at which the request was due, so a server that stalls cannot hide it. Prints one JSON object.
#![expect(clippy::print_stdout, reason = "its output is for other programs")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout};

/// What is counted as lost.
const PATIENCE: Duration = Duration::from_secs(30);

type Failure = Box<dyn Error + Send + Sync>;

/// The requests that are due, by number.
type Turns = tokio::sync::Mutex<UnboundedReceiver<usize>>;

/// The plan that all connections share.
struct Plan {
    address: String,
    requests: Vec<Vec<u8>>,
    begin: Instant,
    every: Duration,
    count: usize,
    turns: Turns,
    outcome: Mutex<Outcome>,
}

#[derive(Default)]
struct Outcome {
    micros: Vec<u64>,
    answers: BTreeMap<String, usize>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, rate, seconds, connections, file] = &arguments[..] else {
        return Err("usage: paced ADDRESS RATE SECONDS CONNECTIONS FILE".into());
    };
    let (rate, seconds): (f64, f64) = (rate.parse()?, seconds.parse()?);
    let (beat, turns) = unbounded_channel();
    let plan = Arc::new(Plan {
        address: address.clone(),
        requests: requests(&std::fs::read(file)?)?,
        begin: Instant::now() + Duration::from_millis(100),
        every: Duration::from_secs_f64(1.0 / rate),
        count: (rate * seconds) as usize,
        turns: turns.into(),
        outcome: Mutex::default(),
    });
    let metronome = Arc::clone(&plan);
    std::thread::spawn(move || tick(&metronome, &beat));
    let workers: Vec<_> = (0..connections.parse()?)
        .map(|_| tokio::spawn(work(Arc::clone(&plan))))
        .collect();
    for worker in workers {
        worker.await?;
    }
    report(
        &mut plan.outcome.lock().unwrap_or_else(PoisonError::into_inner),
        plan.begin,
    );
    Ok(())
}

fn requests(text: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let length: usize = std::str::from_utf8(&rest[..end])?.parse()?;
        let (request, after) = rest[end + 1..]
            .split_at_checked(length)
            .ok_or("a request is cut off")?;
        found.push(request.to_vec());
        rest = after;
    }
    if found.is_empty() {
        Err("no request in the file".into())
    } else {
        Ok(found)
    }
}

/// Says which request is due. A thread of its own: timers of the runtime are a millisecond coarse.
fn tick(plan: &Plan, beat: &UnboundedSender<usize>) {
    for turn in 0..plan.count {
        std::thread::sleep(plan.due(turn).saturating_duration_since(Instant::now()));
        if beat.send(turn).is_err() {
            return;
        }
    }
}

impl Plan {
    fn due(&self, turn: usize) -> Instant {
        self.begin + self.every * u32::try_from(turn).unwrap_or(u32::MAX)
    }
}

async fn work(plan: Arc<Plan>) {
    let mut connection = None;
    loop {
        let turn = plan.turns.lock().await.recv().await;
        let Some(turn) = turn else {
            return;
        };
        let due = plan.due(turn);
        let request = &plan.requests[turn % plan.requests.len()];
        let answer = timeout(PATIENCE, exchange(&plan.address, &mut connection, request)).await;
        let status = match answer {
            Ok(Ok(status)) => status,
            Ok(Err(_)) => "broken".to_owned(),
            Err(_) => "late".to_owned(),
        };
        if status == "broken" || status == "late" {
            connection = None;
        }
        let micros = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut outcome = plan.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.micros.push(micros);
        *outcome.answers.entry(status).or_default() += 1;
    }
}

/// One request and its answer; keeps the connection where the answer allows it.
async fn exchange(
    address: &str,
    connection: &mut Option<TcpStream>,
    request: &[u8],
) -> Result<String, Failure> {
    let mut stream = match connection.take() {
        Some(stream) => stream,
        None => TcpStream::connect(address).await?,
    };
    stream.set_nodelay(true)?;
    stream.write_all(request).await?;
    let mut bytes = Vec::with_capacity(16 * 1024);
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err("closed".into());
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let length: usize = field("content-length").ok_or("no length")?.trim().parse()?;
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err("cut off".into());
        }
    }
    if field("connection") != Some("close") {
        *connection = Some(stream);
    }
    Ok(text.split(' ').nth(1).unwrap_or("none").to_owned())
}

fn report(outcome: &mut Outcome, begin: Instant) {
    outcome.micros.sort_unstable();
    let at = |share: f64| {
        let last = outcome.micros.len().saturating_sub(1);
        outcome
            .micros
            .get((last as f64 * share) as usize)
            .copied()
            .unwrap_or(0)
    };
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{}",
        serde_json::json!({
            "seconds": seconds, "answers": outcome.answers,
            "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1.0),
        })
    );
}
