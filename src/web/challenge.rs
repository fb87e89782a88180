//! Where a visitor is sent who has to show more: which page of ours, and the way back from it.

use crate::authz::Challenge;
use crate::authz::target::Target;
use crate::web::context::Context;

/// The page that asks for what is missing. From another host than ours it is named in full.
#[must_use]
pub fn page(context: &Context, challenge: Challenge, target: &Target) -> String {
    if target.host() == context.place.host {
        link(context, challenge, "", target.path_and_query())
    } else {
        address(context, challenge, target)
    }
}

/// The same with scheme and host, for proxies that would take a path for one of theirs.
#[must_use]
pub fn address(context: &Context, challenge: Challenge, target: &Target) -> String {
    link(context, challenge, &context.place.origin, target.url())
}

fn link(context: &Context, challenge: Challenge, front: &str, back: &str) -> String {
    let name = match challenge {
        Challenge::SignIn => "/login",
        Challenge::SecondFactor | Challenge::FreshSecondFactor => "/second-factor",
    };
    let page = format!("{front}{}{name}", context.place.portal);
    context.allowed.parse(back).after(&page)
}
