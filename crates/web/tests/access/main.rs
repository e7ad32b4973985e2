//! Logins, roles, commands and TLS over real sockets.

#![allow(clippy::unwrap_used, missing_docs)]

mod server;

use std::fs;

use contract::{AuditV1, AuditWhatV1, CommandV1, Message, RoleName};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use server::{Client, PASSWORD, Server, Wanted, certificate, change, in_time, sign, until};

const ACKNOWLEDGE: &str = r#"{"command":"acknowledge","incident":"1-0"}"#;

#[tokio::test]
async fn nobody_reads_before_they_log_in() {
    let server = Server::start(Wanted::default()).await;
    let nobody = Client::default();
    for path in [
        "/",
        "/api/v1/state",
        "/api/v1/alerts",
        "/api/v1/flow",
        "/api/v1/stream",
        "/api/v1/part/x",
        "/part/x",
        "/api/v1/replay",
        "/metrics",
    ] {
        let answer = server.get(&nobody, path).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{path}");
    }
    for path in ["/healthz", "/login", "/assets/login.js", "/assets/session.js", "/assets/style.css", "/api/v1/me"] {
        assert_eq!(server.get(&nobody, path).await.status, 200, "{path}");
    }
    let page = server.ask("GET /part/A%201?x=1", "accept: text/html\r\n", "").await;
    assert_eq!((page.status, page.header("location")), (303, Some("/login?next=%2Fpart%2FA%25201%3Fx%3D1")));
    assert_eq!(server.get(&nobody, "/api/v1/me").await.json(), json!({"schema": "linetwin/me/v1", "logins": true}));
    let kim = server.login("kim").await;
    assert_eq!(server.get(&kim, "/api/v1/state").await.status, 200);
    let me = server.get(&kim, "/api/v1/me").await.json();
    assert_eq!((me["user"].as_str(), me["role"].as_str()), (Some("kim"), Some("supervisor")));
    assert_eq!(me["csrf"], kim.csrf);
}

#[tokio::test]
async fn a_line_may_be_open_to_read_and_is_never_open_to_command() {
    let server = Server::start(Wanted { is_open_to_read: true, ..Wanted::default() }).await;
    let guest = Client::default();
    assert_eq!(server.get(&guest, "/api/v1/state").await.status, 200);
    assert_eq!(server.get(&guest, "/api/v1/me").await.json()["role"], "viewer");
    for path in ["/api/v1/command", "/api/v1/replay"] {
        assert_eq!(server.post(&guest, path, ACKNOWLEDGE).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_cookie_is_for_this_host_and_no_script() {
    let server = Server::start(Wanted::default()).await;
    let answer = server.try_login("kim", PASSWORD).await;
    let cookie = answer.header("set-cookie").unwrap();
    let port = server.address.split_once(':').unwrap().1;
    assert!(
        cookie.starts_with(&format!("linetwin-{port}=")) && cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert!(!answer.body.contains(cookie.split(['=', ';']).nth(1).unwrap()), "no script may read it");
    let behind = Server::start(Wanted { is_behind_proxy: true, ..Wanted::default() }).await;
    let answer = behind.try_login("kim", PASSWORD).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-linetwin-") && cookie.ends_with("; SameSite=Strict; Secure"), "{cookie}");
}

#[tokio::test]
async fn a_command_is_given_in_the_name_of_who_is_logged_in() {
    let server = Server::start(Wanted::default()).await;
    let (vera, kim) = (server.login("vera").await, server.login("kim").await);
    let answer = server.post(&kim, "/api/v1/command", ACKNOWLEDGE).await;
    assert_eq!((answer.status, answer.json()["by"].as_str()), (200, Some("kim")));
    let refused = server.post(&kim, "/api/v1/command", r#"{"command":"acknowledge","incident":"9-0"}"#).await;
    assert_eq!((refused.status, refused.error().as_str()), (409, "it is closed"));
    let check = async |client: &Client, body: &str, status: u16, words: &str| {
        let answer = server.post(client, "/api/v1/command", body).await;
        assert!(answer.status == status && answer.error().contains(words), "{body}: {} {}", answer.status, answer.body);
    };
    check(&vera, ACKNOWLEDGE, 403, "this needs the role supervisor; vera is viewer").await;
    check(&kim, CommandV1::EXAMPLE, 400, "by who is logged in").await;
    check(&kim, r#"{"command":"dance"}"#, 400, "unknown variant `dance`").await;
    check(&kim, &" ".repeat(CommandV1::MAX_BYTES + 1), 413, "length limit").await;
    let steered = server.post(&vera, "/api/v1/replay", r#"{"paused":true}"#).await;
    assert_eq!((steered.status, steered.error().as_str()), (403, "this needs the role supervisor; vera is viewer"));
    assert_eq!(server.post(&kim, "/api/v1/replay", r#"{"paused":true}"#).await.error(), "at its end");

    let entries = server.audit_when(7).await;
    let said: Vec<(Option<&str>, Value)> =
        entries.iter().map(|(user, what)| (user.as_deref(), serde_json::to_value(what).unwrap())).collect();
    assert_eq!(said[0], (Some("vera"), json!({"what": "login"})));
    let acknowledged = json!({"command": "acknowledge", "incident": "1-0", "by": "kim"});
    assert_eq!(said[2], (Some("kim"), json!({"what": "command", "command": acknowledged, "ok": true})));
    assert_eq!((said[3].1["ok"].as_bool(), said[3].1["error"].as_str()), (Some(false), Some("it is closed")));
    assert_eq!((said[4].0, said[4].1["what"].as_str()), (Some("vera"), Some("refused")));
    assert_eq!((said[6].0, said[6].1["what"].as_str()), (Some("kim"), Some("replay")));
}

#[tokio::test]
async fn a_post_that_the_person_did_not_mean_is_not_taken() {
    let server = Server::start(Wanted::default()).await;
    let kim = server.login("kim").await;
    let other = server.login("kim").await;
    for csrf in ["", "x", &other.csrf] {
        let forged = Client { csrf: csrf.to_owned(), ..kim.clone() };
        for path in ["/api/v1/command", "/api/v1/replay", "/api/v1/logout"] {
            let answer = server.post(&forged, path, ACKNOWLEDGE).await;
            assert!(answer.status == 403 && answer.error().contains("x-csrf-token"), "{path}: {}", answer.body);
        }
    }
    let Client { cookie, csrf } = &kim;
    let own = format!("origin: http://{}\r\n", server.address);
    for (site, status) in [
        ("sec-fetch-site: cross-site\r\n", 403),
        ("sec-fetch-site: same-site\r\n", 403),
        ("origin: http://evil.example\r\n", 403),
        ("origin: null\r\n", 403),
        (own.as_str(), 200),
        ("sec-fetch-site: same-origin\r\n", 200),
    ] {
        let headers = format!("content-type: application/json\r\ncookie: {cookie}\r\nx-csrf-token: {csrf}\r\n{site}");
        assert_eq!(server.ask("POST /api/v1/command", &headers, ACKNOWLEDGE).await.status, status, "{site}");
        let login = json!({"user": "kim", "password": PASSWORD}).to_string();
        let headers = format!("content-type: application/json\r\n{site}");
        assert_eq!(server.ask("POST /api/v1/login", &headers, &login).await.status, status, "{site}");
    }
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    assert_eq!(server.ask("POST /api/v1/login", form, "user=kim&password=x").await.status, 415);
    assert_eq!(server.get(&kim, "/api/v1/state").await.status, 200, "nobody could log kim out");
}

#[tokio::test]
async fn a_session_is_over_when_its_user_says_so() {
    let server = Server::start(Wanted::default()).await;
    let (kim, again) = (server.login("kim").await, server.login("kim").await);
    let answer = server.post(&kim, "/api/v1/logout", "").await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("set-cookie").unwrap().contains("=; Path=/") && answer.head.contains("Max-Age=0"));
    assert_eq!(server.get(&kim, "/api/v1/state").await.status, 401, "whoever has the cookie");
    assert_eq!(server.get(&again, "/api/v1/state").await.status, 200, "the other one goes on");
}

#[tokio::test]
async fn a_user_who_is_changed_or_removed_is_out_with_their_streams() {
    let server = Server::start(Wanted::default()).await;
    let (vera, kim) = (server.login("vera").await, server.login("kim").await);
    let mut streams = Vec::new();
    let machine = format!("authorization: Bearer {}\r\n", server.token);
    for headers in [format!("cookie: {}\r\n", vera.cookie), format!("cookie: {}\r\n", kim.cookie), machine] {
        let mut wire = server.connect(None).await.unwrap();
        let request = format!("GET /api/v1/stream HTTP/1.1\r\nhost: twin\r\n{headers}\r\n");
        wire.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(wire).lines();
        assert_eq!(in_time(lines.next_line()).await.unwrap().as_deref(), Some("HTTP/1.1 200 OK"));
        streams.push(lines);
    }
    change(server.path("users.toml"), |users| {
        users.remove("vera")?;
        users.remove("prometheus")?;
        users.change("kim")?.role = RoleName::Viewer;
        Ok(())
    });
    for mut lines in streams {
        in_time(async { while lines.next_line().await.unwrap().is_some_and(|line| line != "0") {} }).await;
    }
    for client in [&vera, &kim] {
        assert_eq!(server.get(client, "/api/v1/state").await.status, 401);
    }
    let kim = server.login("kim").await;
    assert_eq!(server.post(&kim, "/api/v1/command", ACKNOWLEDGE).await.status, 403, "a viewer now");
    assert_eq!(server.try_login("vera", PASSWORD).await.status, 401);

    fs::write(server.path("users.toml"), "[[user]]\nname = 3").unwrap();
    let health = in_time(async {
        loop {
            let health = server.get(&Client::default(), "/healthz").await;
            if health.body.contains("users.toml") {
                return health;
            }
        }
    })
    .await;
    assert_eq!(health.status, 200, "the daemon does its work");
    let problem = health.body;
    assert!(problem.contains("line 2: invalid type") && problem.contains("the users from before stay"), "{problem}");
    assert_eq!(server.get(&kim, "/api/v1/state").await.status, 200);
    let entries = server.audit_when(7).await;
    let changed = entries.iter().find(|(_, what)| matches!(what, AuditWhatV1::UsersChanged { .. })).unwrap();
    let expected = AuditWhatV1::UsersChanged {
        added: Vec::new(),
        removed: vec!["prometheus".into(), "vera".into()],
        changed: vec!["kim".into()],
    };
    assert_eq!(*changed, (None, expected));
    assert!(entries.iter().any(|(user, what)| user.as_deref() == Some("vera")
        && *what == AuditWhatV1::SessionEnded { why: "the user was changed or removed".into() }));
}

#[tokio::test]
async fn a_machine_reads_with_a_token() {
    let server = Server::start(Wanted::default()).await;
    let ask = async |line: &str, token: &str| {
        let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        server.ask(line, &headers, if line.starts_with("POST") { ACKNOWLEDGE } else { "" }).await
    };
    let metrics = ask("GET /metrics", &server.token).await;
    assert!(metrics.status == 200 && metrics.body.contains("linetwin_web_sessions 0.0\n"), "{}", metrics.body);
    assert_eq!(ask("GET /api/v1/me", &server.token).await.json()["user"], "prometheus");
    let refused = ask("POST /api/v1/command", &server.token).await;
    assert_eq!(refused.error(), "this needs the role supervisor; prometheus is viewer");
    for token in ["", "x", PASSWORD] {
        assert_eq!(ask("GET /metrics", token).await.status, 401, "{token:?}");
    }
    assert_eq!(server.try_login("prometheus", &server.token).await.status, 401, "a token is no password");
}

#[tokio::test]
async fn passwords_cannot_be_tried_for_long() {
    let server = Server::start(Wanted { is_behind_proxy: true, ..Wanted::default() }).await;
    let login = async |address: &str, user: &str, password: &str| {
        let headers = format!("content-type: application/json\r\nx-forwarded-for: 6.6.6.6, {address}\r\n");
        let body = json!({"user": user, "password": password}).to_string();
        server.ask("POST /api/v1/login", &headers, &body).await
    };
    for number in 0..10 {
        let answer = login("192.0.2.1", &format!("nobody {number}"), "x").await;
        assert_eq!((answer.status, answer.error().as_str()), (401, "the name or the password is wrong"));
    }
    let limited = login("192.0.2.1", "kim", PASSWORD).await;
    assert_eq!(limited.status, 429, "also with the right one");
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=31).contains(&wait) && limited.error().contains(&format!("again in {wait} s")), "{}", limited.body);
    for number in 2..4 {
        for _ in 0..10 {
            assert_eq!(login(&format!("192.0.2.{number}"), "kim", "x").await.status, 401);
        }
    }
    assert_eq!(login("192.0.2.4", "kim", PASSWORD).await.status, 429, "nor from many addresses");
    assert_eq!(login("192.0.2.4", "vera", PASSWORD).await.status, 200);
    for _ in 0..30 {
        assert_eq!(login("192.0.2.5", "vera", PASSWORD).await.status, 200, "who is right is not limited");
    }
    let text = server.ask("GET /metrics", &format!("authorization: Bearer {}\r\n", server.token), "").await.body;
    for line in [
        "linetwin_web_logins_failed_total 30.0\n",
        "linetwin_web_logins_limited_total 2.0\n",
        "linetwin_web_logins_total 31.0\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(text.contains("linetwin_web_sessions 8.0\n"), "{text}");
    let entries = server.audit_when(61).await;
    let named = entries.iter().filter(|(user, what)| *what == AuditWhatV1::LoginFailed && user.is_some());
    assert_eq!(named.count(), 20, "a name that is nobody's is not kept");
}

#[tokio::test]
async fn posts_are_limited() {
    let server = Server::start(Wanted::default()).await;
    let kim = server.login("kim").await;
    let mut limited = None;
    for _ in 0..200 {
        let answer = server.post(&kim, "/api/v1/command", ACKNOWLEDGE).await;
        if answer.status != 200 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.unwrap();
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("1")), "{}", limited.body);
}

#[tokio::test]
async fn what_is_written_holds_no_secret() {
    let server = Server::start(Wanted::default()).await;
    let kim = server.login("kim").await;
    let entry = AuditV1 {
        at: serde_json::from_value("2027-01-15T08:00:00Z".into()).unwrap(),
        user: Some("kim".into()),
        address: Some("127.0.0.1".into()),
        what: AuditWhatV1::Login,
    };
    in_time(until(|| fs::read_to_string(server.path("audit.jsonl")).unwrap() == entry.to_json() + "\n")).await;
    assert_eq!(server.post(&kim, "/api/v1/command", ACKNOWLEDGE).await.status, 200);
    let users = fs::read_to_string(server.path("users.toml")).unwrap();
    let audit = fs::read_to_string(server.path("audit.jsonl")).unwrap();
    assert!(!users.contains(PASSWORD) && !audit.contains(PASSWORD) && !users.contains(&server.token));
    assert!(!audit.contains(kim.cookie.split_once('=').unwrap().1) && !audit.contains(&kim.csrf));
}

#[tokio::test]
async fn a_full_disk_is_told_and_commands_go_on() {
    let server = Server::start(Wanted { is_disk_full: true, ..Wanted::default() }).await;
    let kim = server.login("kim").await;
    let health = in_time(async {
        loop {
            let health = server.get(&Client::default(), "/healthz").await;
            if health.status == 503 {
                return health.body;
            }
        }
    })
    .await;
    assert!(health.contains("the audit log /dev/full cannot be written: No space left on device"), "{health}");
    assert_eq!(server.post(&kim, "/api/v1/command", ACKNOWLEDGE).await.status, 200);
    let metrics = server.get(&kim, "/metrics").await.body;
    assert!(!metrics.contains("linetwin_web_audit_lost_total 0.0"), "{metrics}");
}

#[tokio::test]
async fn tls_is_spoken_and_a_certificate_renewed_while_running() {
    let server = Server::start(Wanted { is_over_tls: true, ..Wanted::default() }).await;
    let first = certificate(&server);
    let silent = TcpStream::connect(&server.address).await.unwrap();
    let wire = server.connect(Some(first.clone())).await.unwrap();
    let body = json!({"user": "kim", "password": PASSWORD}).to_string();
    let answer = server.ask_over(wire, "POST /api/v1/login", "content-type: application/json\r\n", &body).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-linetwin-") && cookie.contains("; Secure"), "{cookie}");
    let headers = format!("cookie: {}\r\n", cookie.split(';').next().unwrap());
    let wire = server.connect(Some(first.clone())).await.unwrap();
    assert_eq!(server.ask_over(wire, "GET /api/v1/state", &headers, "").await.status, 200);
    drop(silent);

    let mut plain = TcpStream::connect(&server.address).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: twin\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // Closed or reset: what matters is that nothing is told in the clear.
    let _ = in_time(plain.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");

    sign(&server.path("cert.pem"), &server.path("key.pem"));
    let renewed = certificate(&server);
    assert_ne!(first, renewed);
    let wire = in_time(async {
        loop {
            if let Ok(wire) = server.connect(Some(renewed.clone())).await {
                return wire;
            }
        }
    })
    .await;
    assert_eq!(server.ask_over(wire, "GET /api/v1/state", &headers, "").await.status, 200, "the session goes on");
    assert!(server.connect(Some(first)).await.is_err(), "the old certificate is no more");
}
