//! `vestibule doctor`: plays a stranger against a live deployment, and says what is open.
//!
//! It asks as anybody could, signs in nowhere and changes nothing. What it finds is judged by pure functions
//! of what came back; what came back is never trusted, nor printed as it is.

mod examination;
mod check;
mod walk;
mod visitor;
mod tls;
mod answer;
mod place;
mod finding;

use crate::cli::doctor::check::{transport, upstream};
use crate::cli::doctor::examination::{Examination, Known};
use crate::cli::doctor::finding::{Finding, Severity};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::tls::{Authorities, When};
use crate::cli::doctor::visitor::{Silence, Visitor};
use crate::cli::doctor::walk::{End, Walk};
use crate::cli::{Common, Failure, print, runtime};
use clap::Args;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args, Debug)]
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
    /// Connect there for the URL, whatever its name says
    #[arg(long, value_name = "IP:PORT")]
    connect: Option<SocketAddr>,
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

pub(in crate::cli) fn doctor(doctor: &Doctor, common: &Common) -> Result<ExitCode, Failure> {
    let known = Known::new(common)?;
    let findings = runtime()?.block_on(doctor.examine(&known))?;
    let worst = findings.iter().map(|finding| finding.result);
    let is_open = worst.clone().any(|result| result == Severity::Open);
    if common.json {
        print::json(&View {
            url: doctor.url.shown(),
            open: is_open,
            checks: &findings,
        });
    } else {
        show(&findings);
    }
    Ok(ExitCode::from(u8::from(is_open)))
}

impl Doctor {
    async fn examine(&self, known: &Known) -> Result<Vec<Finding>, Failure> {
        let uses_tls = self.url.is_https() || self.upstream.iter().any(Place::is_https);
        let authorities = match Authorities::load(self.ca_file.as_deref()) {
            Ok(authorities) => authorities,
            Err(_) if !uses_tls && self.ca_file.is_none() => Authorities::none(),
            Err(failure) => return Err(failure),
        };
        let detour = self.connect.map(|address| (self.url.clone(), address));
        let visitor = Visitor::new(authorities.client(When::Now)?, detour);
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
    checks: &'a [Finding],
}

fn show(findings: &[Finding]) {
    let width = findings
        .iter()
        .map(|finding| finding.check.len())
        .max()
        .unwrap_or(0);
    for Finding {
        check,
        result,
        found,
        change,
    } in findings
    {
        print::line(format!("{:<4}  {check:<width$}  {found}", result.name()));
        if let (Severity::Open | Severity::Warn, Some(change)) = (result, change) {
            print::line(format!("      {:<width$}  -> {change}", ""));
        }
    }
    print::line("");
    print::line(summary(findings));
}

fn summary(findings: &[Finding]) -> String {
    let count = |result| {
        findings
            .iter()
            .filter(|finding| finding.result == result)
            .count()
    };
    let (open, warn) = (count(Severity::Open), count(Severity::Warn));
    let skipped = count(Severity::Skip);
    let rest = format!(
        "{warn} to look at, {skipped} not looked at, {} good",
        count(Severity::Ok)
    );
    match open {
        0 => format!(
            "Nothing open was seen from here; {rest}. What a stranger cannot see from here was not looked at."
        ),
        _ => format!("{open} OPEN, {rest}."),
    }
}
