use crate::authz::target::Target;
use crate::identity::Names;
use crate::web::upstream::{MethodOverride, NoRoute, Policy, Routes, Settings, Underscores};
use http::HeaderName;
use std::sync::Arc;

fn routes(upstreams: &[(Option<&str>, &str, u16)]) -> Routes {
    let policy = Policy {
        names: Names {
            user: HeaderName::from_static("remote-user"),
            name: HeaderName::from_static("remote-name"),
            email: HeaderName::from_static("remote-email"),
            groups: HeaderName::from_static("remote-groups"),
            assertion: HeaderName::from_static("x-vestibule-assertion"),
        },
        cookies: vec![],
        underscores: Underscores::Drop,
        method_override: MethodOverride::Keep,
        origins: vec![],
    };
    let settings = upstreams.iter().map(|(host, path, port)| Settings {
        host: host.map(str::to_owned),
        path: (*path).to_owned(),
        ..Settings::new(format!("http://127.0.0.1:{port}").parse().unwrap())
    });
    Routes::new(settings, &Arc::new(policy))
}

fn port(routes: &Routes, url: &str) -> Result<u16, NoRoute> {
    let target = Target::parse_url(url).unwrap();
    let found = routes.find(&target)?.settings().address.to_string();
    Ok(found.rsplit(':').next().unwrap().parse().unwrap())
}

#[test]
fn the_longest_path_of_the_named_host_wins() {
    let routes = routes(&[
        (None, "/", 1),
        (None, "/api/v1/long", 2),
        (Some("a.example"), "/", 3),
        (Some("a.example"), "/api", 4),
        (Some("a.example"), "/api/v1/", 5),
        (Some("b.example"), "/only", 6),
    ]);
    for (url, expected) in [
        ("http://a.example/", 3),
        ("http://A.example.:80/api", 4),
        ("http://a.example/api/x", 4),
        ("http://a.example/apis", 3),
        ("http://a.example/api/v1", 5),
        ("http://a.example/api/v1/x", 5),
        ("http://a.example/api/v1/long", 5),
        ("http://c.example/api/v1/long/x", 2),
        ("http://c.example/api?/api/v1/long", 1),
        ("http://b.example/only/x", 6),
        ("http://b.example/other", 1),
    ] {
        assert_eq!(port(&routes, url), Ok(expected), "{url}");
    }
}

#[test]
fn an_unknown_host_is_misdirected_and_an_unknown_path_not_found() {
    let routes = routes(&[(Some("a.example"), "/app", 1)]);
    assert_eq!(port(&routes, "http://a.example/app"), Ok(1));
    assert_eq!(port(&routes, "http://a.example/"), Err(NoRoute::NotFound));
    assert_eq!(
        port(&routes, "http://b.example/app"),
        Err(NoRoute::Misdirected)
    );
    assert_eq!(NoRoute::Misdirected.status(), 421);
}
