//! `vestibule healthcheck`: what a container asks every few seconds.

use crate::harness::app::App;
use crate::harness::gate::{Gate, Outcome};
use crate::{done, refused, run, vestibule};

fn ask(gate: &Gate, ops: &str) -> Outcome {
    let mut command = vestibule(&["healthcheck", "--config"]);
    command.arg(gate.config()).env("VESTIBULE_OPS__LISTEN", ops);
    run(&mut command)
}

#[test]
fn a_ready_server_is_healthy_and_a_stopped_one_is_not() {
    let mut gate = Gate::start("");
    let ops = gate.ops_address().to_string();
    assert_eq!(done(&ask(&gate, &ops)), "");
    // Whoever listens on every address is asked on the loopback one.
    let port = gate.ops_address().port();
    assert_eq!(done(&ask(&gate, &format!("0.0.0.0:{port}"))), "");
    assert!(gate.stop().success());
    let nobody = ask(&gate, &ops);
    assert!(refused(&nobody, 1).contains(&ops), "{nobody:?}");
}

#[test]
fn without_an_ops_listener_there_is_nothing_to_ask() {
    let gate = Gate::prepared("");
    refused(&ask(&gate, "off"), 2);
}

#[test]
fn another_program_on_the_port_is_no_healthy_server() {
    let app = App::start();
    let gate = Gate::prepared("");
    // It answers 200 to everything, so a status alone would not tell.
    let outcome = ask(&gate, &app.address().to_string());
    assert_eq!(app.seen().len(), 1);
    refused(&outcome, 1);
}
