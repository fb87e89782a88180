//! Commands of administrators: whatever is asked in whatever order, names stay one to one.

use super::wait;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use vestibule::accounts::{Accounts, Parts};
use vestibule::admin::{Admin, Answer, Command};
use vestibule::audit::Audit;
use vestibule::authn::lockout::Ceiling;
use vestibule::authn::password::Params;
use vestibule::authn::password::policy::Policy;
use vestibule::authn::session::record::Lifetimes;
use vestibule::authn::username::Username;
use vestibule::clock::{Clock, ManualClock, Timestamp};
use vestibule::hashing::{Limits, Pool};
use vestibule::identity::key::Algorithm;
use vestibule::identity::ring::Policy as KeyPolicy;
use vestibule::sessions::Sessions;
use vestibule::signing_keys::{self, SigningKeys};
use vestibule::store::Store;
use vestibule::store::memory::MemoryStore;
use vestibule::store::table::Table;

/// More than this is another input.
const MOST: usize = 12;

static HASHING: LazyLock<Pool> = LazyLock::new(|| {
    let cheap = Params::new(8, 1, 1).expect("the least there is");
    Pool::new(Limits::default(), cheap)
});

/// One command a line, as JSON.
pub(crate) fn check(data: &[u8]) {
    let commands: Vec<Command> = data
        .split(|b| *b == b'\n')
        .take(MOST)
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    if commands.is_empty() {
        return;
    }
    let admin = admin();
    for command in commands {
        same_again(&command);
        match wait(admin.execute(command)) {
            Ok(answer) => assert!(serde_json::to_value(&answer).is_ok()),
            Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
        }
    }
    each_name_is_one_user(&admin);
}

/// The server understands what the command line wrote.
fn same_again(command: &Command) {
    let json = serde_json::to_value(command).expect("JSON");
    let again: Command = serde_json::from_value(json.clone()).expect("a command");
    assert_eq!(serde_json::to_value(again).ok(), Some(json));
}

fn each_name_is_one_user(admin: &Admin) {
    let Ok(Answer::Users { users }) = wait(admin.execute(Command::UserList {})) else {
        unreachable!("a list of users is answered with users");
    };
    let mut skeletons = BTreeSet::new();
    for user in users {
        let name = Username::parse(&user.name).expect("a canonical name");
        assert_eq!(name.as_str(), user.name);
        assert!(
            skeletons.insert(name.skeleton()),
            "{name} looks like another"
        );
        let shown = wait(admin.execute(Command::UserShow {
            name: user.name.clone(),
        }));
        let Ok(Answer::User { user: shown, .. }) = shown else {
            unreachable!("who is listed is found");
        };
        assert_eq!((shown.id, shown.name), (user.id, user.name));
    }
}

fn admin() -> Admin {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(Timestamp(1_700_000_000)));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    let lifetimes = Lifetimes {
        absolute: Duration::from_secs(86_400),
        idle: Duration::from_secs(3_600),
    };
    let sessions = Sessions::new(
        Table::new(Arc::clone(&store)),
        Arc::clone(&clock),
        lifetimes,
        20,
    );
    let audit = Audit::to_log(Arc::clone(&clock));
    let keys = SigningKeys::open(signing_keys::Parts {
        store: Arc::clone(&store),
        policy: KeyPolicy {
            algorithm: Algorithm::EdDsa,
            rotate: None,
        },
        audit: audit.clone(),
        clock: Arc::clone(&clock),
    });
    let accounts = Accounts::new(Parts {
        store,
        sessions,
        hashing: HASHING.clone(),
        policy: Policy::default(),
        context: vec!["vestibule".to_owned()],
        invitation_lifetime: Duration::from_secs(259_200),
        audit,
        clock,
    });
    Admin::new(
        accounts,
        wait(keys).expect("an empty store takes a key"),
        "https://app.example/_vestibule/invite/".to_owned(),
        Ceiling::default(),
    )
}
