//! What a running program is refused, and how that is told.

use super::*;

/// A check for `policy`, and the refusals it reports.
fn check(policy: Policy) -> (Check, Arc<Mutex<Vec<String>>>) {
    check_with(policy, None)
}

fn check_with(policy: Policy, max_answer_age: Option<Duration>) -> (Check, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let on_denied: OnDenied = Arc::new(move |d| sink.lock().unwrap().push(d.to_string()));
    (Check::new(LivePolicy::new(policy), on_denied, crate::Metrics::new().denied, max_answer_age), told)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_changed_policy_is_asked_at_once_and_its_refusals_are_told_anew() {
    let live = LivePolicy::new(Policy::new().allow_connect("10.0.0.1:80".parse().unwrap()));
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let on_denied: OnDenied = Arc::new(move |d| sink.lock().unwrap().push(d.to_string()));
    let check = Check::new(live.clone(), on_denied, crate::Metrics::new().denied, None);
    assert!(connects(&check, "10.0.0.1:80") && !connects(&check, "10.0.0.2:80"));
    let other = Policy::new().allow_connect("10.0.0.2:80".parse().unwrap());
    live.change(&other);
    assert!(!connects(&check, "10.0.0.1:80") && connects(&check, "10.0.0.2:80"));
    live.change(&Policy::new());
    for _ in 0..2 {
        assert!(!connects(&check, "10.0.0.2:80"));
    }
    assert_eq!(
        *told.lock().unwrap(),
        ["10.0.0.2:80", "10.0.0.1:80", "10.0.0.2:80"].map(|to| format!("connecting to {to}"))
    );
}

#[test]
fn what_is_open_stays_as_long_as_a_grant_has_it() {
    let live = LivePolicy::new(Policy::new().allow_connect("a.example:80".parse().unwrap()));
    let check = Check::new(live.clone(), Arc::new(|_| {}), crate::Metrics::new().denied, Some(Duration::from_secs(60)));
    check.answered("a.example", address("1.1.1.1:0").ip(), Instant::now());
    let permit = check.permits_connect(address("1.1.1.1:80")).expect("its name is granted");
    assert_eq!(permit.name.as_deref(), Some("a.example"));
    assert!(check.upholds(&permit, address("1.1.1.1:80")));
    let keeps = |policy: &Policy| {
        live.change(policy);
        check.keeps_connection(address("1.1.1.1:80"), permit.name.as_deref())
    };
    let named = Policy::new().allow_connect("a.example:80".parse().unwrap());
    assert!(keeps(&named));
    assert!(keeps(&Policy::new().allow_connect("public:80".parse().unwrap())), "by another grant");
    assert!(!keeps(&Policy::new().allow_connect("a.example:81".parse().unwrap())));
    assert!(!keeps(&named.deny("1.1.1.0/24:*".parse().unwrap())));
    assert!(!check.upholds(&permit, address("1.1.1.1:80")));

    live.change(&Policy::new().allow_listen("127.0.0.1:0".parse().unwrap()));
    assert!(check.keeps_listening(address("127.0.0.1:4321")), "the system had picked the port");
    assert!(!check.keeps_listening(address("127.0.0.2:4321")));
}

#[test]
fn each_refusal_is_told_once() {
    let (check, told) = check(Policy::new());
    for _ in 0..3 {
        assert!(!check.permits(address("127.0.0.1:80"), SocketAddrUse::TcpBind));
    }
    assert!(!check.permits_lookup("example.com"));
    assert!(!check.permits_lookup("example.com"));
    assert_eq!(*told.lock().unwrap(), ["listening on 127.0.0.1:80", "looking up example.com"]);
}

#[test]
fn connecting_is_refused_by_its_target_and_not_by_the_implicit_bind() {
    let (check, told) = check(Policy::new());
    assert!(check.permits(address("0.0.0.0:0"), SocketAddrUse::TcpBind));
    assert!(!check.permits(address("10.0.0.1:80"), SocketAddrUse::TcpConnect));
    assert_eq!(*told.lock().unwrap(), ["connecting to 10.0.0.1:80"]);
}

#[test]
fn binding_port_0_needs_a_grant() {
    let (check, told) = check(Policy::new().allow_connect("10.0.0.1:80".parse().unwrap()));
    for unspecified in ["0.0.0.0:0", "[::]:0", "127.0.0.1:0"] {
        assert!(!check.permits_bind(address(unspecified)), "{unspecified}");
    }
    assert_eq!(*told.lock().unwrap(), ["binding 0.0.0.0:0", "binding [::]:0", "binding 127.0.0.1:0"]);
}

#[test]
fn the_implicit_bind_does_not_lead_to_listening() {
    let (check, told) = check(Policy::new().allow_connect("10.0.0.1:80".parse().unwrap()));
    assert!(check.permits(address("0.0.0.0:0"), SocketAddrUse::TcpBind));
    assert!(!check.permits(address("0.0.0.0:4321"), SocketAddrUse::TcpListen));
    assert_eq!(*told.lock().unwrap(), ["listening on 0.0.0.0:0"]);
}

#[test]
fn a_grant_of_a_source_address_is_for_connecting_from_it() {
    let policy = Policy::new()
        .allow_connect("10.0.0.1:80".parse().unwrap())
        .allow_source("127.0.0.1".parse().unwrap())
        .allow_listen("127.0.0.2:0".parse().unwrap());
    let (check, told) = check(policy);
    assert!(check.permits_bind(address("127.0.0.1:0")) && check.permits_source(address("127.0.0.1:4321")));
    // It has no ports of the program's choice, and does not lead to listening.
    assert!(!check.permits_bind(address("127.0.0.1:4321")));
    assert!(!check.permits(address("127.0.0.1:4321"), SocketAddrUse::TcpListen));
    // And a grant to listen is not for connecting from there.
    assert!(check.permits_bind(address("127.0.0.2:0")) && !check.permits_source(address("127.0.0.2:4321")));
    assert_eq!(
        *told.lock().unwrap(),
        ["binding 127.0.0.1:4321", "listening on 127.0.0.1:0", "connecting from 127.0.0.2:4321"]
    );
}

#[test]
fn a_rule_is_named_where_it_wins() {
    let policy = Policy::new()
        .allow_connect("*:*".parse().unwrap())
        .allow_listen("*:*".parse().unwrap())
        .deny("169.254.0.0/16:*".parse().unwrap())
        .deny("127.0.0.1:80".parse().unwrap())
        .deny("evil.example:*".parse().unwrap());
    let (check, told) = check(policy);
    assert!(!connects(&check, "169.254.169.254:80"));
    assert!(!check.permits_bind(address("127.0.0.1:80")));
    // The port of one that the system has picked.
    assert!(!check.permits(address("127.0.0.1:80"), SocketAddrUse::TcpListen));
    assert!(!check.permits_lookup("Evil.example"));
    assert_eq!(
        *told.lock().unwrap(),
        [
            "connecting to 169.254.169.254:80, which the rule 169.254.0.0/16:* denies",
            "binding 127.0.0.1:80, which the rule 127.0.0.1:80 denies",
            "listening on 127.0.0.1:80, which the rule 127.0.0.1:80 denies",
            "looking up Evil.example, which the rule evil.example:* denies",
        ]
    );
}

#[test]
fn an_answer_expires() {
    let policy = Policy::new().allow_connect("a.example:80".parse().unwrap());
    // Of no age at all.
    let (old, told) = check_with(policy.clone(), Some(Duration::ZERO));
    old.answered("a.example", address("1.1.1.1:0").ip(), Instant::now());
    assert!(!connects(&old, "1.1.1.1:80"));
    assert_eq!(*told.lock().unwrap(), ["connecting to 1.1.1.1:80, which a.example resolved to too long ago"]);
    let (check, _) = check(policy);
    let asked = Instant::now();
    check.answered("a.example", address("1.1.1.1:0").ip(), asked);
    assert!(connects(&check, "1.1.1.1:80"));
    check.answered("a.example", address("[2606:4700::1]:0").ip(), asked);
    assert!(connects(&check, "[2606:4700::1]:80"));
    assert!(!connects(&check, "[2606:4700::1%2]:80"), "no answer has the number of an interface");
}

fn connects(check: &Check, target: &str) -> bool {
    check.permits(address(target), SocketAddrUse::TcpConnect)
}

#[test]
fn a_name_covers_what_the_program_was_given_for_it() {
    let (check, _) = check(Policy::new().allow_connect("a.example:80".parse().unwrap()));
    assert!(!connects(&check, "1.1.1.1:80"));
    check.answered("A.example.", address("1.1.1.1:0").ip(), Instant::now());
    check.answered("b.example", address("1.1.1.2:0").ip(), Instant::now());
    assert!(connects(&check, "1.1.1.1:80"));
    assert!(!connects(&check, "1.1.1.1:81"));
    assert!(!connects(&check, "1.1.1.2:80"));
}

#[test]
fn a_name_that_turns_to_a_private_address_is_refused_and_told() {
    let (check, told) = check(Policy::new().allow_connect("evil.example:80".parse().unwrap()));
    for private in ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"] {
        let private: IpAddr = private.parse().unwrap();
        check.answered("evil.example", private, Instant::now());
        assert!(!check.permits(SocketAddr::new(private, 80), SocketAddrUse::TcpConnect), "{private}");
    }
    assert_eq!(
        told.lock().unwrap()[0],
        "connecting to 127.0.0.1:80, an address of this machine or of its private networks that evil.example resolves \
         to"
    );
}

#[test]
fn a_private_address_is_taken_from_a_grant_of_its_own() {
    let policy =
        Policy::new().allow_connect("db.example:80".parse().unwrap()).allow_connect("10.0.0.1:80".parse().unwrap());
    let (check, _) = check(policy);
    check.answered("db.example", address("10.0.0.1:0").ip(), Instant::now());
    assert!(connects(&check, "10.0.0.1:80"));
}

#[test]
fn a_function_decides_before_the_grants() {
    let policy = Policy::new().allow_connect("10.0.0.1:*".parse().unwrap());
    let (check, told) = check(policy);
    let check = check.asking(Some(Arc::new(|request: &Request<'_>| match request {
        Request::Connect(address) if address.port() == 25 => Decision::Deny,
        Request::Listen(address) if address.ip().is_loopback() => Decision::Allow,
        Request::Lookup("a.example") => Decision::Allow,
        _ => Decision::ByGrants,
    })));
    assert!(connects(&check, "10.0.0.1:80"));
    assert!(!connects(&check, "10.0.0.1:25"));
    assert!(!connects(&check, "10.0.0.2:80"));
    for usage in [SocketAddrUse::TcpBind, SocketAddrUse::TcpListen] {
        assert!(check.permits(address("127.0.0.1:80"), usage));
        assert!(!check.permits(address("10.0.0.3:80"), usage));
    }
    assert!(check.permits_lookup("a.example") && !check.permits_lookup("b.example"));
    assert!(told.lock().unwrap().contains(&"connecting to 10.0.0.1:25".to_owned()));
}

#[test]
fn unix_sockets_are_granted_one_way_or_asked_about() {
    let policy = Policy::new().allow_unix("/a/x".parse().unwrap()).allow_unix_listen("/a/y".parse().unwrap());
    let (check, told) = check(policy);
    let (x, y) = (unix("/a/x"), unix("/a/y"));
    assert!(check.permits_unix(&x).is_some() && !check.permits_unix_listen(&x));
    assert!(check.permits_unix_listen(&y) && check.permits_unix(&y).is_none());
    assert_eq!(*told.lock().unwrap(), ["listening on the Unix socket /a/x", "connecting to the Unix socket /a/y"]);
    let check = check.asking(Some(Arc::new(|request: &Request<'_>| match request {
        Request::ConnectUnix(_) => Decision::Deny,
        Request::ListenUnix(UnixAddress::Abstract(_)) => Decision::Allow,
        _ => Decision::ByGrants,
    })));
    assert!(check.permits_unix(&x).is_none() && check.permits_unix_listen(&y));
    assert!(check.permits_unix_listen(&UnixAddress::Abstract(b"z".to_vec())));
}

#[test]
fn a_changed_policy_decides_about_unix_sockets_that_are_open() {
    let live =
        LivePolicy::new(Policy::new().allow_unix("/a/*".parse().unwrap()).allow_unix_listen("/a/*".parse().unwrap()));
    let check = Check::new(live.clone(), Arc::new(|_| {}), crate::Metrics::new().denied, None);
    let (x, y) = (unix("/a/x"), unix("/a/y"));
    let permits = [&x, &y].map(|address| check.permits_unix(address).unwrap());
    assert!(check.permits_unix_listen(&y));
    live.change(&Policy::new().allow_unix("/a/x".parse().unwrap()));
    assert!(check.upholds_unix(&permits[0], &x) && !check.upholds_unix(&permits[1], &y));
    assert!(check.keeps_unix(&x) && !check.keeps_unix(&y) && !check.keeps_unix_listening(&y));
    let check = check.asking(Some(Arc::new(|request: &Request<'_>| match request {
        Request::ConnectUnix(_) => Decision::Deny,
        Request::ListenUnix(_) => Decision::Allow,
        _ => Decision::ByGrants,
    })));
    assert!(!check.keeps_unix(&x) && check.keeps_unix_listening(&y));
}

#[test]
fn decisions_about_unix_sockets_are_told() {
    struct Told(Mutex<Vec<String>>);
    impl crate::Observer for Told {
        fn decided(&self, of: &crate::DecisionRecord<'_>) {
            self.0.lock().unwrap().push(format!("{} {} {} {}", of.granted, of.asked, of.target, of.by));
        }
    }
    let policy = Policy::new().allow_unix("/a/x".parse().unwrap()).allow_unix_listen("@y".parse().unwrap());
    let (check, _) = check(policy);
    let told = Arc::new(Told(Mutex::default()));
    let check = check.observed(Some(Observed { observer: Arc::clone(&told) as _, worker: None }));
    _ = check.permits_unix(&unix("/a/x"));
    _ = check.permits_unix(&unix("/a/\ny"));
    check.permits_unix_listen(&UnixAddress::Abstract(b"y".to_vec()));
    check.permits_unix_listen(&unix("/a/x"));
    let check = check.asking(Some(Arc::new(|request: &Request<'_>| match request {
        Request::ConnectUnix(_) => Decision::Deny,
        _ => Decision::Allow,
    })));
    _ = check.permits_unix(&unix("/a/x"));
    check.permits_unix_listen(&unix("/a/x"));
    let all = [
        "true connect-unix /a/x allow-unix /a/x",
        "false connect-unix /a/\\ny no grant",
        "true listen-unix @y allow-unix-listen @y",
        "false listen-unix /a/x no grant",
        "false connect-unix /a/x decide",
        "true listen-unix /a/x decide",
    ];
    assert_eq!(*told.0.lock().unwrap(), all);
}

fn unix(path: &str) -> UnixAddress {
    UnixAddress::Path(path.into())
}

#[test]
fn reports_are_bounded() {
    let (check, told) = check(Policy::new());
    for port in 1..2000 {
        let target = SocketAddr::from(([10, 0, 0, 1], port));
        assert!(!check.permits(target, SocketAddrUse::TcpConnect));
    }
    assert_eq!(told.lock().unwrap().len(), MAX_REPORTED);
}
