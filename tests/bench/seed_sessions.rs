//! Copies the one session of a store many times, for measuring memory; see README.md.
//!
//! usage: `seed_sessions DATA_DIR COUNT`, while no server runs. Prints the cookie values.
#![expect(clippy::print_stdout, reason = "its output is for other programs")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;
use vestibule::authn::AccountToken;
use vestibule::authn::session::record::SessionRecord;
use vestibule::clock::SystemClock;
use vestibule::sessions::key_of;
use vestibule::store::data_folder::DataFolder;
use vestibule::store::table::Table;

/// Rows under way at once; they share flushes.
const AT_ONCE: usize = 2_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, count] = &arguments[..] else {
        return Err("usage: seed_sessions DATA_DIR COUNT".into());
    };
    let count: usize = count.parse()?;
    let opened = DataFolder::open(
        Path::new(folder),
        &Path::new(folder).join("master.key"),
        Arc::new(SystemClock),
    )
    .await?;
    let table = Table::<SessionRecord>::new(Arc::new(opened.store));
    let mut found = table.scan(&[], None, 1).await?;
    let (_, record) = found.pop().ok_or("there is no session to copy")?;
    for begin in (0..count).step_by(AT_ONCE) {
        let mut writes = JoinSet::new();
        for _ in begin..count.min(begin + AT_ONCE) {
            let (table, record) = (table.clone(), record.clone());
            writes.spawn(async move {
                let token = AccountToken::<SessionRecord>::generate(record.account());
                println!("{}", *token.to_text());
                table.insert(&key_of(&token), &record).await?.expect_new()
            });
        }
        while let Some(written) = writes.join_next().await {
            written??;
        }
    }
    Ok(())
}
