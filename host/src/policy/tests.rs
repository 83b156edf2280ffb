//! What a policy permits, by itself.

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn nothing_is_permitted_by_default() {
    let policy = Policy::new();
    assert!(!policy.permits_listen(address("127.0.0.1:8888")));
    assert!(!policy.permits_connect(address("127.0.0.1:8888")));
    assert!(!policy.permits_lookup("localhost"));
}

#[test]
fn an_address_grants_itself_alone() {
    let policy = Policy::new().allow_listen("127.0.0.1:80".parse().unwrap());
    assert!(policy.permits_listen(address("127.0.0.1:80")));
    for other in ["127.0.0.1:81", "127.0.0.2:80", "0.0.0.0:80", "[::1]:80", "127.0.0.1:0"] {
        assert!(!policy.permits_listen(address(other)), "{other}");
    }
    assert!(!policy.permits_connect(address("127.0.0.1:80")));
}

#[test]
fn a_star_covers_any_host_or_any_port() {
    let policy = Policy::new().allow_listen("*:80".parse().unwrap()).allow_connect("10.0.0.1:*".parse().unwrap());
    assert!(policy.permits_listen(address("0.0.0.0:80")));
    assert!(policy.permits_listen(address("[::1]:80")));
    assert!(!policy.permits_listen(address("[::1]:0")));
    assert!(policy.permits_connect(address("10.0.0.1:9")));
    assert!(!policy.permits_connect(address("10.0.0.2:9")));
}

#[test]
fn port_zero_covers_the_port_that_was_picked_once_bound() {
    let policy = Policy::new().allow_listen("127.0.0.1:0".parse().unwrap());
    assert!(policy.permits_listen(address("127.0.0.1:0")));
    assert!(!policy.permits_listen(address("127.0.0.1:4321")));
    let bound = address("127.0.0.1:4321");
    assert!(policy.listen_grant_when_bound(bound).is_some());
    let elsewhere = address("0.0.0.0:4321");
    assert!(policy.listen_grant_when_bound(elsewhere).is_none());
}

#[test]
fn localhost_is_this_machine_without_a_look_up() {
    let policy = Policy::new().allow_connect("localhost:80".parse().unwrap());
    assert!(policy.permits_connect(address("127.0.0.1:80")));
    assert!(policy.permits_connect(address("[::1]:80")));
    assert!(!policy.permits_connect(address("127.0.0.2:80")));
    assert!(!policy.permits_connect(address("127.0.0.1:81")));
}

#[tokio::test]
async fn a_name_stands_for_what_the_operator_says() {
    let entry: HostEntry = "Db.example=10.0.0.5".parse().unwrap();
    let policy = Policy::new().resolve(entry).resolve("db.example=10.0.0.6".parse().unwrap());
    assert!(!policy.permits_lookup("db.example"), "an entry is no grant");
    assert!(!policy.permits_connect(address("10.0.0.5:80")));
    let policy = policy.allow_connect("db.example:80".parse().unwrap());
    assert!(policy.permits_connect(address("10.0.0.5:80")));
    assert!(policy.permits_connect(address("10.0.0.6:80")));
    assert!(!policy.permits_connect(address("10.0.0.7:80")));
    let policy = policy.allow_listen("db.example:80".parse().unwrap()).resolve_names().await.unwrap();
    assert!(policy.permits_listen(address("10.0.0.5:80")));
}

#[test]
fn look_ups_are_for_granted_names() {
    let policy = Policy::new().allow_connect("Example.com:443".parse().unwrap());
    assert!(policy.permits_lookup("example.com"));
    assert!(policy.permits_lookup("EXAMPLE.com."));
    assert!(!policy.permits_lookup("www.example.com"));
    assert!(policy.permits_lookup("10.0.0.1"));
    assert!(policy.permits_lookup("::1"));
    let below = Policy::new().allow_connect("*.example.com:443".parse().unwrap());
    assert!(below.permits_lookup("www.example.com."));
    assert!(!below.permits_lookup("example.com"));
    let net = Policy::new().allow_connect("10.0.0.0/8:443".parse().unwrap());
    assert!(!net.permits_lookup("example.com"));
    let any = Policy::new().allow_connect("*:443".parse().unwrap());
    assert!(any.permits_lookup("www.example.com"));
    assert!(!any.permits_lookup(&"a".repeat(LONGEST_NAME + 1)), "there is no such name");
}

#[tokio::test]
async fn a_grant_to_listen_grants_no_look_up_but_that_of_its_own_name() {
    for grant in ["*:80", "*:*", "0.0.0.0:80", "10.0.0.0/8:80", "localhost:80"] {
        let policy = Policy::new().allow_listen(grant.parse().unwrap()).resolve_names().await.unwrap();
        for name in ["secret.example", "secret.example.", "localhost.example", "notlocalhost"] {
            assert!(!policy.permits_lookup(name), "{grant}: {name}");
        }
    }
    let policy = Policy::new().allow_listen("localhost:80".parse().unwrap());
    assert!(!policy.permits_lookup("localhost"), "nobody has asked, and nobody may be asked");
    let policy = policy.resolve_names().await.unwrap();
    assert!(policy.permits_lookup("LocalHost.") && !policy.permits_lookup("secret.localhost"));
    let found = policy.addresses_of("localhost").unwrap();
    assert!(found.contains(&Ipv4Addr::LOCALHOST.into()), "{found:?}");
}

#[tokio::test]
async fn a_grant_for_every_address_has_the_names_of_this_machine() {
    let policy = Policy::new().allow_listen("*:80".parse().unwrap()).resolve_names().await.unwrap();
    assert!(policy.permits_lookup("localhost"));
    assert_eq!(policy.addresses_of("secret.localhost"), policy.addresses_of("localhost"), "nobody is asked");
}

#[test]
fn a_rule_wins_over_every_grant() {
    let policy = Policy::new()
        .allow_connect("*:*".parse().unwrap())
        .allow_connect("10.0.0.1:80".parse().unwrap())
        .allow_listen("127.0.0.1:80".parse().unwrap())
        .allow_source("*".parse().unwrap())
        .resolve("db.example=10.0.0.1".parse().unwrap())
        .deny("10.0.0.0/8:*".parse().unwrap())
        .deny("127.0.0.1:80".parse().unwrap())
        .deny("evil.example:*".parse().unwrap());
    assert!(policy.permits_connect(address("11.0.0.1:80")));
    assert!(!policy.permits_connect(address("10.0.0.1:80")));
    assert!(!policy.permits_connect(address("[64:ff9b::a00:1]:80")));
    assert!(!policy.permits_listen(address("127.0.0.1:80")));
    assert!(policy.listen_grant_when_bound(address("127.0.0.1:80")).is_none());
    assert!(!policy.permits_source(address("10.0.0.1:0")) && policy.permits_source(address("127.0.0.1:0")));
    for name in ["evil.example", "EVIL.example.", "evil%2eexample", "ｅvil.example"] {
        assert!(!policy.permits_lookup(name), "{name}");
    }
    assert!(policy.permits_lookup("good.example"));
}

#[test]
fn classes_are_judged() {
    let policy = Policy::new()
        .allow_connect("public:443".parse().unwrap())
        .allow_connect("private:5432".parse().unwrap())
        .allow_connect("loopback:80".parse().unwrap());
    for (permitted, target) in [
        (true, "1.1.1.1:443"),
        (false, "1.1.1.1:5432"),
        (false, "10.0.0.1:443"),
        (true, "10.0.0.1:5432"),
        (true, "127.0.0.1:80"),
        (false, "127.0.0.1:443"),
        (false, "127.0.0.1:5432"),
        (false, "[64:ff9b::7f00:1]:80"),
    ] {
        assert_eq!(policy.permits_connect(address(target)), permitted, "{target}");
    }
    assert!(!policy.permits_lookup("example.com"), "a class is no name");
}

#[test]
fn an_address_of_a_link_is_judged_with_its_link() {
    let policy = Policy::new()
        .allow_connect("[fe80::1%2]:80".parse().unwrap())
        .allow_connect("router.example:80".parse().unwrap())
        .resolve("router.example=fe80::2".parse().unwrap());
    assert!(policy.permits_connect(address("[fe80::1%2]:80")));
    assert!(!policy.permits_connect(address("[fe80::1%3]:80")));
    assert!(!policy.permits_connect(address("[fe80::2%2]:80")), "the operator did not say which link");
}

#[test]
fn a_unix_socket_is_something_to_listen_on() {
    assert!(!Policy::new().allow_unix("/a/x".parse().unwrap()).permits_some_listen());
    assert!(Policy::new().allow_unix_listen("/a/x".parse().unwrap()).permits_some_listen());
}
