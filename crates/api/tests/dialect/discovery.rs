//! Sections 1, 2, 3 and 11: discovery, keys, errors, headers, settings, statistics.

use std::sync::Mutex;

use api::ApiSettings;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{KEY, Program, Server, ZONES, settings};

async fn plain(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> crate::support::Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn section_2_discovery_says_what_clients_compare_byte_by_byte() {
    let server = Server::start().await;
    assert_eq!(server.get("/api").await.body, r#"[{"url": "/api/v1", "version": 1}]"#);
    let features = server.get("/api/v1").await;
    assert_eq!(features.body, r#"[{"api_features": [], "server_url": "/api/v1/servers{/server}"}]"#);
    let servers = server.get("/api/v1/servers").await.json();
    let one = server.get("/api/v1/servers/localhost").await;
    assert_eq!(servers, json!([one.json()]));
    assert_eq!(
        one.json(),
        json!({
            "type": "Server", "id": "localhost", "daemon_type": "authoritative", "version": "4.9.4",
            "url": "/api/v1/servers/localhost",
            "config_url": "/api/v1/servers/localhost/config{/config_setting}",
            "zones_url": "/api/v1/servers/localhost/zones{/zone}",
            "autoprimaries_url": "/api/v1/servers/localhost/autoprimaries{/autoprimary}",
        })
    );
    let version = one.json()["version"].as_str().unwrap().to_owned();
    assert!(version.split('.').take(3).all(|part| part.starts_with(|c: char| c.is_ascii_digit())), "{version}");
}

#[tokio::test]
async fn section_1_2_a_key_is_needed_but_routing_comes_first() {
    let server = Server::start().await;
    for headers in [&[][..], &[("x-api-key", "wrong")], &[("x-api-key", "")]] {
        let answer = plain(&server, "GET", ZONES, headers).await;
        answer.is(401);
        assert_eq!(answer.header("www-authenticate"), Some("X-API-Key realm=\"PowerDNS\""));
        assert_eq!(answer.json(), json!({"error": "Unauthorized"}));
    }
    plain(&server, "GET", ZONES, &[("X-API-KEY", KEY)]).await.is(200);
    plain(&server, "GET", "/api/v1/servers/nothere/zones", &[]).await.is(404);
    plain(&server, "GET", "/api/v1/servers/localhost/zones/", &[]).await.is(404);
    let wrong_method = plain(&server, "DELETE", ZONES, &[]).await;
    wrong_method.is(405);
    assert_eq!(wrong_method.header("allow"), Some("GET, POST, OPTIONS"));
    plain(&server, "HEAD", ZONES, &[]).await.is(405);
    // Not even a body that is no JSON is looked at before the key.
    let request = Request::post(ZONES).body(Body::from("{")).unwrap();
    server.send(request).await.is(401);
}

#[tokio::test]
async fn section_1_2_without_configured_keys_nobody_gets_in() {
    let server = Server::with_keys(Vec::new()).await;
    server.get("/api").await.is(401);
}

#[tokio::test]
async fn section_1_4_errors_take_the_form_the_client_reads() {
    let server = Server::start().await;
    for (accept, content_type, body) in [
        (None, "application/json", r#"{"error": "Unauthorized"}"#),
        (Some("*/*"), "application/json", r#"{"error": "Unauthorized"}"#),
        (Some("application/json"), "application/json", r#"{"error": "Unauthorized"}"#),
        (Some("text/html"), "text/html; charset=utf-8", "<!html><title>Unauthorized</title><h1>Unauthorized</h1>"),
        (Some("text/plain"), "text/plain; charset=utf-8", "Unauthorized"),
    ] {
        let headers: Vec<(&str, &str)> = accept.map(|accept| ("accept", accept)).into_iter().collect();
        let answer = plain(&server, "GET", ZONES, &headers).await;
        assert_eq!((answer.header("content-type"), answer.body.as_str()), (Some(content_type), body), "{accept:?}");
    }
    // A 422 is JSON whatever is accepted.
    let request = Request::get(format!("{ZONES}?zone=x")).header("x-api-key", KEY).header("accept", "text/html");
    server.send(request.body(Body::empty()).unwrap()).await.is_error(422, "DNS Name 'x' is not canonical");
}

#[tokio::test]
async fn section_1_5_every_answer_carries_the_headers_and_cors_only_where_configured() {
    let server = Server::start().await;
    for path in ["/api", "/nothing", ZONES] {
        let answer = server.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "deny"),
            ("x-permitted-cross-domain-policies", "none"),
            ("x-xss-protection", "1; mode=block"),
            ("content-security-policy", "default-src 'self'; style-src 'self' 'unsafe-inline'"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let open = ApiSettings { cross_origin: Some("*".parse().unwrap()), ..settings() };
    let server = Server::with(Program::default(), open, Default::default()).await;
    assert_eq!(server.get("/api").await.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn section_1_5_options_needs_no_key_and_names_the_methods() {
    let server = Server::start().await;
    for (path, methods) in [
        ("/api/v1/servers/localhost/zones/x.", "GET, PATCH, PUT, DELETE, OPTIONS"),
        ("/api/v1/servers/localhost", "GET, OPTIONS"),
    ] {
        let answer = plain(&server, "OPTIONS", path, &[]).await;
        answer.is(200);
        assert_eq!(answer.header("access-control-allow-methods"), Some(methods));
        assert_eq!(answer.header("access-control-allow-headers"), Some("Content-Type, X-API-Key"));
        assert_eq!(answer.header("access-control-max-age"), Some("3600"));
        assert_eq!((answer.header("content-type"), answer.body.as_str()), (Some("text/plain"), ""));
    }
    plain(&server, "OPTIONS", "/api/v2", &[]).await.is(404);
}

#[tokio::test]
async fn section_11_config_masks_secrets() {
    let server = Server::start().await;
    let config = server.get("/api/v1/servers/localhost/config").await.json();
    assert_eq!(
        config,
        json!([
            {"type": "ConfigSetting", "name": "local-port", "value": "53"},
            {"type": "ConfigSetting", "name": "api-key", "value": "***"},
        ])
    );
}

#[tokio::test]
async fn section_11_statistics_are_strings_with_uptime_and_one_can_be_asked_for() {
    let server = Server::start().await;
    let path = "/api/v1/servers/localhost/statistics";
    let all = server.get(path).await.json();
    let named = |name: &str| -> Vec<Value> {
        all.as_array().unwrap().iter().filter(|item| item["name"] == name).cloned().collect()
    };
    assert_eq!(named("udp-queries"), [json!({"type": "StatisticItem", "name": "udp-queries", "value": "42"})]);
    assert!(named("uptime")[0]["value"].as_str().unwrap().parse::<u64>().is_ok());
    assert_eq!(
        named("response-by-qtype"),
        [json!({"type": "MapStatisticItem", "name": "response-by-qtype", "value": [{"name": "A", "value": "7"}]})]
    );
    let one = server.get(&format!("{path}?statistic=udp-queries")).await.json();
    assert_eq!(one, json!(named("udp-queries")));
    server.get(&format!("{path}?statistic=nothing")).await.is_error(422, "Unknown statistic name");
}

#[tokio::test]
async fn section_11_rings_come_last_unless_they_are_left_out() {
    let server = Server::start().await;
    let path = "/api/v1/servers/localhost/statistics";
    let ring = json!({
        "type": "RingStatisticItem", "name": "queries", "size": "10000",
        "value": [{"name": "example.com/A", "value": "3"}],
    });
    let rings = async |query: &str| -> Vec<Value> {
        let all = server.get(&format!("{path}{query}")).await.json();
        let is_ring = |item: &&Value| item["type"] == "RingStatisticItem";
        all.as_array().unwrap().iter().filter(is_ring).cloned().collect()
    };
    // PowerDNS takes any other word for true.
    for query in ["", "?includerings=true", "?includerings=xx"] {
        let rings = rings(query).await;
        assert_eq!((rings.len(), &rings[0], &rings[1]["value"]), (2, &ring, &json!([])), "{query}");
    }
    let last = server.get(path).await.json().as_array().unwrap().last().cloned();
    assert_eq!(last.unwrap()["name"], "remotes");
    assert!(rings("?includerings=false").await.is_empty());
    assert_eq!(server.get(&format!("{path}?statistic=queries")).await.json(), json!([ring]));
}

#[tokio::test]
async fn section_11_metrics_have_the_names_of_dashboards() {
    let server = Server::start().await;
    server.get("/api").await.is(200);
    let metrics = plain(&server, "GET", "/metrics", &[]).await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4"));
    for line in [
        "# HELP pdns_auth_udp_queries UDP queries",
        "# TYPE pdns_auth_udp_queries counter",
        "pdns_auth_udp_queries 42",
        "pdns_auth_api_queries 1",
        "pdns_auth_api_result_200 1",
        "signpost_zones 3",
        "pdns_auth_info{version=\"4.9.4\"} 1",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line} in {}", metrics.body);
    }
}

#[tokio::test]
async fn section_11_cache_flush_wants_a_canonical_name() {
    let server = Server::start().await;
    let path = "/api/v1/servers/localhost/cache/flush";
    let answer = server.call("PUT", &format!("{path}?domain=example.test."), Value::Null).await;
    assert_eq!(answer.json(), json!({"count": 0, "result": "Flushed cache."}));
    server.call("PUT", path, Value::Null).await.is_error(422, "DNS Name '' is not canonical");
}

const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn section_2_the_status_page_shows_rings_as_text_whatever_strangers_asked_for() {
    let hostile = "<img src=x onerror=alert(1)>\"'&.example/A".to_owned();
    let program = Program { queries: Mutex::new(vec![(hostile, 5), ("<b>/A".to_owned(), 1)]), ..Program::default() };
    let server = Server::with(program, settings(), Default::default()).await;
    let page = plain(&server, "GET", "/", &[]).await;
    page.is(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("content-security-policy"), Some(PAGE_POLICY));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let shown =
        "<tr><td>&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;.example/A</td><td>5</td><td>83.3 %</td></tr>";
    assert!(page.body.contains(shown), "{}", page.body);
    for never in ["<img", "<b>", "<script", "style=", "http://", "https://"] {
        assert!(!page.body.contains(never), "{never} in {}", page.body);
    }
    for link in ["href=\"/metrics\"", "href=\"/api/docs\"", "href=\"style.css\""] {
        assert!(page.body.contains(link), "{link} in {}", page.body);
    }
    let style = plain(&server, "GET", "/style.css", &[]).await;
    assert_eq!(style.is(200).header("content-type"), Some("text/css; charset=utf-8"));
}

#[tokio::test]
async fn section_2_post_empties_rings() {
    let server = Server::start().await;
    let fill = || server.program.queries.lock().unwrap().push(("x/A".to_owned(), 1));
    fill();
    // As PowerDNS: one ring, and back to the page.
    let one = plain(&server, "POST", "/?resetring=remotes", &[]).await;
    assert_eq!(one.is(302).header("location"), Some("/"));
    assert!(!server.program.queries.lock().unwrap().is_empty());
    plain(&server, "POST", "/?resetring=queries", &[]).await.is(302);
    assert!(server.program.queries.lock().unwrap().is_empty());
    plain(&server, "POST", "/?resetring=nothing", &[]).await.is_error(422, "Unknown ring 'nothing'");
    fill();
    for path in ["/", "/?resetring=queries"] {
        let from = [("host", "dns.example:8081"), ("origin", "http://evil.example")];
        plain(&server, "POST", path, &from).await.is(403);
    }
    assert!(!server.program.queries.lock().unwrap().is_empty(), "a page of another site does not");
    let all = plain(&server, "POST", "/", &[]).await;
    assert!(all.is(200).body.contains("Nothing yet.") && server.program.queries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn section_17_the_status_page_takes_basic_and_probes_take_nothing() {
    let password = std::sync::Arc::new(api::PagePassword::new("secret").unwrap());
    let program = Program { not_ready: Some("3 of 9 zones are loaded".to_owned()), ..Program::default() };
    let server =
        Server::with(program, ApiSettings { password: Some(password), ..settings() }, Default::default()).await;
    for (method, path) in [("POST", "/"), ("GET", "/style.css"), ("GET", "/metrics")] {
        plain(&server, method, path, &[]).await.is(401);
    }
    let refused = plain(&server, "GET", "/", &[]).await;
    refused.is(401);
    assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"PowerDNS\""));
    // any:secret
    let page = plain(&server, "GET", "/", &[("authorization", "Basic YW55OnNlY3JldA==")]).await;
    page.is(200);
    assert!(page.body.contains("3 of 9 zones"), "{}", page.body);
    plain(&server, "GET", "/livez", &[]).await.is(200);
    let ready = plain(&server, "GET", "/readyz", &[]).await;
    assert_eq!(ready.is(503).body, "3 of 9 zones are loaded\n");
}

#[tokio::test]
async fn api_and_pages_can_be_off() {
    let off = ApiSettings { serve_api: false, serve_pages: false, ..settings() };
    let server = Server::with(Program::default(), off, Default::default()).await;
    server.get("/api").await.is(404);
    server.get("/metrics").await.is(404);
    server.get("/livez").await.is(200);
}

/// PDNS-DIALECT section 2: yaml, and JSON by Accept; Swagger 2.0 up to 5.0 and OpenAPI 3.1 since.
#[tokio::test]
async fn section_2_docs_follow_accept_and_the_version_we_answer_as() {
    let docs = async |version: &str, path: &str, accept: Option<&str>| {
        let settings = ApiSettings { version: version.to_owned(), ..settings() };
        let server = Server::with(Program::default(), settings, Default::default()).await;
        let mut request = Request::get(path).header("x-api-key", KEY);
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        server.send(request.body(Body::empty()).unwrap()).await
    };
    let json = Some("application/json");
    let answer = docs("4.9.4", "/api/docs", json).await;
    assert_eq!(
        (answer.is(200).header("content-type"), &answer.json()["swagger"]),
        (Some("application/json"), &"2.0".into())
    );
    assert_eq!(docs("5.1.0", "/api/docs", json).await.json()["openapi"], "3.1.0");
    assert_eq!(docs("5.1.0", "/api/docs?openapi=2.0", json).await.json()["swagger"], "2.0");
    assert_eq!(docs("4.9.4", "/api/docs?openapi=3.1", json).await.json()["openapi"], "3.1.0");
    docs("4.9.4", "/api/docs?openapi=1", json)
        .await
        .is_error(422, "'openapi' request parameter value '1' is not supported");
    for (accept, content_type) in
        [(None, "text/plain; charset=utf-8"), (Some("application/x-yaml"), "application/x-yaml")]
    {
        let answer = docs("4.9.4", "/api/docs", accept).await;
        assert_eq!(answer.is(200).header("content-type"), Some(content_type));
        assert!(answer.body.contains("\nswagger: \"2.0\"\n"), "{}", answer.body);
    }
    // bravado and requests say `*/*`, and take text for JSON.
    assert_eq!(docs("4.9.4", "/api/docs", Some("*/*")).await.json()["swagger"], "2.0");
}
