//! A form that is not believed: another site's, or one of ours that lost its way by a wrong setting.

use crate::audit::Event;
use crate::web::Body;
use crate::web::context::Context;
use crate::web::csrf::{Forged, shown_origin};
use crate::web::page::error::Problem;
use crate::web::page::form_lost::{Cause, Model, view};
use crate::web::portal::twice;
use crate::web::request::Inbound;
use crate::web::respond::{self, Asker, Failure};
use http::{HeaderMap, Response, StatusCode};

/// Records it, and says why.
pub(in crate::web::portal) fn answer(
    context: &Context,
    headers: &HeaderMap,
    inbound: &Inbound,
    forged: Forged,
) -> Response<Body> {
    context.record(inbound, Event::MaliciousCsrf, forged.name());
    let foreign = |name| {
        let problem = Problem::ForeignForm;
        context.fail(Asker::Navigation, inbound.id(), &Failure { problem, name })
    };
    match forged {
        Forged::CrossSite => match shown_origin(headers) {
            Some(shown) => lost(context, inbound, Cause::OtherAddress { shown: &shown }),
            None => foreign("cross-site"),
        },
        Forged::NoCookie if context.jar.doubled(inbound.cookies()).is_some() => {
            twice::explain(context, inbound, &context.path("/login"))
        }
        Forged::NoCookie if inbound.cookies().is_empty() => {
            lost(context, inbound, Cause::NoCookies)
        }
        Forged::NoCookie => {
            let [_, _, _, name] = context.jar.names();
            lost(context, inbound, Cause::NotOurs { name })
        }
        Forged::Token => foreign("form-token"),
    }
}

fn lost(context: &Context, inbound: &Inbound, cause: Cause<'_>) -> Response<Body> {
    let (place, here) = (&context.place, inbound.target());
    let ours = if place.signs_in_apart(here.host()) {
        here.origin()
    } else {
        &place.origin
    };
    tracing::warn!(?cause, ours, "a form is not believed");
    let document = view(&Model {
        frame: &context.frame(),
        cause,
        ours,
        login: &format!("{ours}{}", context.path("/login")),
        request_id: inbound.id().as_str(),
    });
    respond::document(StatusCode::FORBIDDEN, document)
}
