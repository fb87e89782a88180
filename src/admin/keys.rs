//! Commands on the keys that sign, with what their consequences are for the apps.

use crate::admin::view;
use crate::admin::{Answer, CommandError, Timing};
use crate::audit::Source;
use crate::identity::jwks::MAX_AGE;
use crate::identity::key::KeyId;
use crate::identity::ring::{PUBLISHED_BEFORE, UnknownKey};
use crate::signing_keys::{KeyError, SigningKeys};
use std::time::Duration;

pub(in crate::admin) fn list(keys: &SigningKeys) -> Answer {
    answer(keys, None)
}

pub(in crate::admin) async fn rotate(
    keys: &SigningKeys,
    timing: Timing,
    source: &Source,
) -> Result<Answer, CommandError> {
    match timing {
        Timing::InTime => keys.rotate(source).await?,
        Timing::AtOnce => keys.rotate_now(source).await?,
    }
    let notice = match timing {
        Timing::InTime => format!(
            "The next key is published. It signs once a server has published it for {} minutes, when every app can know it.",
            minutes(PUBLISHED_BEFORE)
        ),
        Timing::AtOnce => format!(
            "Another key signs from now on. {}",
            late_verifiers("refuses everybody")
        ),
    };
    Ok(answer(keys, Some(notice)))
}

pub(in crate::admin) async fn retire(
    keys: &SigningKeys,
    id: &str,
    source: &Source,
) -> Result<Answer, CommandError> {
    let id = KeyId::parse(id).ok_or(KeyError::from(UnknownKey))?;
    let signed = keys.in_force().active.id() == id;
    keys.retire(id, source).await?;
    let mut notice = format!(
        "The key is destroyed. An app that has it still accepts what it signed for up to {} minutes: \
         restart the apps if somebody else has the key.",
        minutes(MAX_AGE)
    );
    if signed {
        notice.push_str(" A fresh key signs from now on. ");
        notice.push_str(&late_verifiers("refuses everybody as well"));
    }
    Ok(answer(keys, Some(notice)))
}

fn late_verifiers(refuses: &str) -> String {
    format!(
        "An app that does not look for an unknown key {refuses} for up to {} minutes.",
        minutes(MAX_AGE)
    )
}

fn minutes(time: Duration) -> u64 {
    time.as_secs().div_ceil(60)
}

fn answer(keys: &SigningKeys, notice: Option<String>) -> Answer {
    let in_force = keys.in_force();
    let stages = in_force.ring().stages(keys.policy());
    let keys = stages.iter().map(view::key).collect();
    Answer::Keys { keys, notice }
}
