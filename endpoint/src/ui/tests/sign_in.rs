//! Signing in, and the relay's identity.

use super::*;

#[test]
fn a_relay_that_is_met_for_the_first_time_shows_its_words() {
    let key = conclave_protocol::identity::PublicKey([7; 32]);
    let mut bench = Bench::new(ACCOUNT, true);
    bench.tell(Report::FirstContact(key));
    bench.assert_says(&key.words());
    bench.touch("They are the same");
    assert!(!bench.says(&key.words()));
}

#[test]
fn a_relay_whose_fingerprint_was_configured_is_not_asked_about() {
    let key = conclave_protocol::identity::PublicKey([7; 32]);
    let known = format!("fingerprint = '{}'\n    address", key.fingerprint());
    let bench = Bench::new(&ACCOUNT.replace("address", &known), true);
    bench.tell(Report::FirstContact(key));
    assert!(!bench.says(&key.words()));
}

#[test]
fn the_form_judges_what_is_typed_and_says_what_the_relay_answers() {
    let mut bench = Bench::new("", false);
    assert_eq!(bench.page(), Page::SignIn);
    bench.write("Name", "a");
    bench.assert_says("at least two letters");
    bench.write("Name", "ana\u{200b}");
    bench.assert_says("an invisible space");
    bench.write("Name", "Ana Lima");
    bench.write("Email", "ana@example.org");
    bench.write("Address", "relay.lan");
    bench.touch("Sign in");
    let settings = bench.settings.take().expect("a sign-in");
    assert_eq!(
        (settings.username.as_str(), settings.relay.as_str()),
        ("Ana.Lima", "relay.lan:7470")
    );
    assert_eq!(settings.display_name.as_str(), "Ana Lima");
    bench.end(refused(Refusal::NameTaken));
    assert_eq!(bench.page(), Page::SignIn);
    bench.assert_says("name");
    bench.touch("Sign in");
    bench.tell(Report::SignedIn);
    assert_eq!(bench.page(), Page::Lobby);
}

#[test]
fn a_form_does_not_say_that_it_tries_again_and_a_kiosk_does() {
    let unreachable = || EngineError::Unreachable {
        relay: "relay.lan:7470".into(),
        error: ConnectionError::TimedOut,
    };
    let mut bench = Bench::new("", false);
    bench.write("Name", "ana");
    bench.write("Email", "ana@example.org");
    bench.write("Address", "relay.lan");
    bench.touch("Sign in");
    bench.end(unreachable());
    bench.assert_says("Cannot reach a meeting server at relay.lan:7470.");
    assert!(!bench.says("Trying again"));
    drop(bench);
    let kiosk = Bench::new(ACCOUNT, true);
    kiosk.end(unreachable());
    kiosk.assert_says("Trying again…");
}

#[test]
fn an_identity_that_changed_is_told_where_the_relay_is_named() {
    let mut bench = Bench::new("", false);
    bench.write("Name", "ana");
    bench.write("Email", "ana@example.org");
    bench.write("Address", "relay.lan");
    bench.touch("Sign in");
    bench.end(EngineError::IdentityChanged {
        relay: "relay.lan:7470".into(),
        error: ConnectionError::TimedOut,
        kept_as: "the line of relay.lan:7470 from relays.toml".into(),
    });
    bench.assert_says("not the server that this device connected to before");
}

#[test]
fn an_engine_that_was_given_up_is_not_listened_to() {
    let bench = Bench::idle(&[]);
    let old = bench.app.number();
    bench.app.act(App::sign_out);
    bench
        .app
        .act(|app| app.take(old, News::Report(Report::SignedIn)));
    assert_eq!(bench.page(), Page::SignIn);
}

#[test]
fn a_changed_account_is_kept() {
    let bench = Bench::new("", false);
    let account = Account {
        relay: crate::net::discovery::RelaySpec::Address("relay.lan:7470".into()),
        name: name("ana"),
        display_name: "Ana Lima".parse().unwrap(),
        email: conclave_protocol::name::Email::parse("ana@example.org").unwrap(),
    };
    bench.app.act(|app| {
        app.config.choose_account(account.clone());
        app.save_choices();
    });
    let again = Config::load_with(None, Some(bench.folder.path()), []).unwrap();
    assert_eq!(Preferences::new(again).account(), Some(account));
}

#[test]
fn a_kiosk_meets_no_other_relay_than_the_one_it_was_provisioned_with() {
    let fingerprint = "0".repeat(64);
    let given = ACCOUNT.replace(
        "'relay.lan'",
        &format!("'relay.lan'\n    fingerprint = '{fingerprint}'"),
    );
    let mut bench = Bench::new(&given, true);
    let expected = bench
        .settings
        .as_ref()
        .unwrap()
        .relay_fingerprint
        .clone()
        .unwrap();
    assert_eq!(expected.replace('-', ""), fingerprint);
    bench.end(EngineError::WrongFingerprint {
        relay: "relay.lan:7470".into(),
        expected,
        met: "1".repeat(64),
    });
    bench.take_orders();
    bench.assert_says("fingerprint");
}
