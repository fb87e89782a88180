//! `vestibule doctor`: plays a stranger against a live deployment, and says what is open.
//!
//! It asks as anybody could, signs in nowhere and changes nothing. What it finds is judged by pure functions
//! of what came back; what came back is never trusted, nor printed as it is.

mod examination;
mod known;
mod check;
mod walk;
mod visitor;
mod tls;
mod answer;
mod detour;
mod place;
mod finding;

use crate::cli::doctor::check::{transport, upstream};
use crate::cli::doctor::detour::{Detour, Detours};
use crate::cli::doctor::examination::Examination;
use crate::cli::doctor::finding::{Finding, Severity};
use crate::cli::doctor::known::Known;
use crate::cli::doctor::place::Place;
use crate::cli::doctor::tls::{Authorities, When};
use crate::cli::doctor::visitor::{Silence, Visitor};
use crate::cli::doctor::walk::{End, Walk};
use crate::cli::{Common, Failure, print, runtime};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// What the results mean, and the exit status.
const LEVELS: &str = "\
Each check prints one line: its result, its name, what was found, and after -> what to change.

  open    a stranger gets in, can read what is for others, or can deceive somebody
  broken  nobody can sign in (a login loop, an unknown host), or nothing could be told
  warn    worth a change, or a question that stayed without an answer
  skip    not looked at
  ok      as it should be

Exit status 0: nothing open, nothing broken; 1: something is; 2: wrong usage, or nobody answers.

It signs in nowhere and changes nothing, and takes two minutes at most. Run it on a machine that is
to the deployment what a visitor's is; --config helps it with names that a stranger has to guess.";

#[derive(Args, Debug)]
#[command(after_help = LEVELS)]
pub(in crate::cli) struct Doctor {
    /// A page of the app that nobody may see without signing in, as in a browser's address bar
    #[arg(long, value_name = "URL", value_parser = place)]
    url: Place,
    /// A path that is meant to be open to everybody; give it several times for several
    #[arg(long, value_name = "PATH", value_parser = path)]
    open: Vec<String>,
    /// The app itself, which must not be reached from here; give it several times for several
    #[arg(long, value_name = "URL", value_parser = place)]
    upstream: Vec<Place>,
    /// Believe the certificate authorities in this file, in place of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Connect there for the URL, or for HOST:PORT, whatever the name says; give it several times
    #[arg(long, value_name = "[HOST:PORT=]IP:PORT", value_parser = detour)]
    connect: Vec<Detour>,
}

fn place(text: &str) -> Result<Place, &'static str> {
    Place::parse(text).ok_or("not an address such as https://app.example.com/page")
}

fn path(text: &str) -> Result<String, &'static str> {
    let is_path = text.starts_with('/') && !text.contains(['?', '#']);
    let is_sent_so = text.parse::<http::Uri>().is_ok();
    let good = (is_path && is_sent_so).then(|| text.to_owned());
    good.ok_or("not a path such as /healthz")
}

fn detour(text: &str) -> Result<Detour, &'static str> {
    Detour::parse(text)
        .ok_or("not an address such as 203.0.113.7:443 or app.example.com:443=203.0.113.7:443")
}

pub(in crate::cli) fn doctor(doctor: &Doctor, common: &Common) -> Result<ExitCode, Failure> {
    let known = Known::new(common)?;
    let findings = runtime()?.block_on(doctor.examine(&known))?;
    let has = |result| findings.iter().any(|finding| finding.result == result);
    let (open, broken) = (has(Severity::Open), has(Severity::Broken));
    if common.json {
        print::json(&View {
            url: doctor.url.shown(),
            open,
            broken,
            checks: &findings,
        });
    } else {
        show(&findings);
    }
    Ok(ExitCode::from(u8::from(open || broken)))
}

impl Doctor {
    async fn examine(&self, known: &Known) -> Result<Vec<Finding>, Failure> {
        let uses_tls = self.url.is_https() || self.upstream.iter().any(Place::is_https);
        let authorities = match Authorities::load(self.ca_file.as_deref()) {
            Ok(authorities) => authorities,
            Err(_) if !uses_tls && self.ca_file.is_none() => Authorities::none(),
            Err(failure) => return Err(failure),
        };
        let detours = Detours::new(&self.url, &self.connect);
        let visitor = Visitor::new(authorities.client(When::Now)?, detours);
        let walk = Walk::from(&visitor, &self.url).await;
        let mut findings = vec![];
        match (walk.steps.is_empty(), &walk.end) {
            (true, End::Silent(_, why @ Silence::Tls(_))) => {
                findings.push(transport::certificate(Some(why), &Err(why.clone())));
            }
            (true, End::Silent(_, why)) => return Err(unreachable(&self.url, why)),
            (true, End::Page | End::Loop) | (false, _) => {
                if self.url.is_https() {
                    let soon = visitor.with(authorities.client(When::Soon)?);
                    findings.push(transport::certificate(None, &soon.knock(&self.url).await));
                }
                let examination = Examination {
                    visitor: &visitor,
                    known,
                    asked: self,
                    walk,
                };
                findings.extend(examination.findings().await);
            }
        }
        for place in &self.upstream {
            findings.push(upstream::direct(&visitor, place, &known.names).await);
        }
        findings.extend(transport::in_time(&visitor));
        Ok(findings)
    }
}

fn unreachable(url: &Place, why: &Silence) -> Failure {
    let why = finding::shown(&why.to_string());
    Failure::usage(format!(
        "error: cannot reach {}: {why}\nhint: is the address right, and does the name lead there from this machine? --connect IP:PORT goes there without it",
        url.shown()
    ))
}

#[derive(Serialize)]
struct View<'a> {
    url: String,
    open: bool,
    broken: bool,
    checks: &'a [Finding],
}

fn show(findings: &[Finding]) {
    let names = findings.iter().map(|finding| finding.check.len());
    let width = names.max().unwrap_or(0);
    for Finding {
        check,
        result,
        found,
        change,
    } in findings
    {
        print::line(format!("{:<6}  {check:<width$}  {found}", result.name()));
        if let Some(change) = change {
            print::line(format!("        {:<width$}  -> {change}", ""));
        }
    }
    print::line("");
    print::line(summary(findings));
}

fn summary(findings: &[Finding]) -> String {
    let of = |result| {
        findings
            .iter()
            .filter(move |finding| finding.result == result)
    };
    let names = |result| {
        of(result)
            .map(|finding| finding.check)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let bad = [Severity::Open, Severity::Broken, Severity::Warn].map(|result| {
        let count = of(result).count();
        (count > 0).then(|| format!("{count} {}: {}.", result.name(), names(result)))
    });
    let bad: Vec<String> = bad.into_iter().flatten().collect();
    let (good, skipped) = (of(Severity::Ok).count(), of(Severity::Skip).count());
    let rest = format!("{good} ok, {skipped} skipped.");
    if bad.is_empty() {
        return format!("Nothing open was seen from here. {rest}");
    }
    format!("{} {rest}", bad.join(" "))
}
