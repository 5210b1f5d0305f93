use super::*;
use conclave_common::lan::MAX_SHOWN_CHARS;
use mdns_sd::{ServiceEvent, ServiceInfo};

const FINGERPRINT: &str =
    "456f-51ce-b50b-a474-fc84-828d-371b-b67a-ee9c-3824-b311-e42a-5e11-4014-bf0b-7d6c";

fn announcement(
    instance: &str,
    addresses: &str,
    properties: &[(&str, &str)],
) -> Box<ResolvedService> {
    let host = "conclave-test.local.";
    let info = ServiceInfo::new(SERVICE, instance, host, addresses, 7470, properties);
    Box::new(info.unwrap().as_resolved_service())
}

fn found(instance: &str, addresses: &str, properties: &[(&str, &str)]) -> ServiceEvent {
    ServiceEvent::ServiceResolved(announcement(instance, addresses, properties))
}

fn relay(name: &str, last: u8) -> FoundRelay {
    FoundRelay {
        name: name.into(),
        address: format!("192.0.2.{last}:7470"),
        fingerprint: None,
        version: VERSION,
    }
}

#[test]
fn an_announcement_is_read_as_a_relay() {
    let read = FoundRelay::read(&announcement(
        "Cellar (hijoz-jalav)",
        "192.0.2.7",
        &[
            ("v", "1"),
            ("fp", &FINGERPRINT.to_uppercase()),
            ("name", "Cellar"),
        ],
    ));
    let expected = FoundRelay {
        fingerprint: Some(FINGERPRINT.into()),
        ..relay("Cellar", 7)
    };
    assert_eq!(read, Some(expected));
}

#[test]
fn without_a_name_of_its_own_a_relay_is_called_as_its_announcement() {
    let read = FoundRelay::read(&announcement("Attic", "192.0.2.7", &[("v", "1")]));
    assert_eq!(read.unwrap().name, "Attic");
}

#[test]
fn what_is_no_relay_is_left_out() {
    for properties in [
        &[][..],
        &[("v", "")],
        &[("v", "one")],
        &[("fp", FINGERPRINT)],
    ] {
        let read = FoundRelay::read(&announcement("x", "192.0.2.7", properties));
        assert_eq!(read, None, "{properties:?}");
    }
    let read = FoundRelay::read(&announcement("x", "0.0.0.0", &[("v", "1")]));
    assert_eq!(read, None);
}

#[test]
fn a_strangers_text_cannot_take_hold_of_a_terminal_or_a_screen() {
    let name = "\u{1b}[2JCel\nlar\u{202e}é".to_owned() + &"x".repeat(100);
    let properties = [("v", "1"), ("name", name.as_str()), ("fp", "\u{1b}[2J")];
    let read = FoundRelay::read(&announcement("x", "192.0.2.7", &properties)).unwrap();
    assert!(read.name.starts_with("[2JCellaréxxx"), "{:?}", read.name);
    assert_eq!(read.name.chars().count(), MAX_SHOWN_CHARS);
    assert_eq!(read.fingerprint, None);
}

#[test]
fn of_several_addresses_the_same_one_is_always_taken() {
    for (addresses, best) in [
        ("127.0.0.1,192.0.2.9,192.0.2.10", "192.0.2.9:7470"),
        ("fd00::2,192.0.2.9", "192.0.2.9:7470"),
        ("fe80::1,fd00::2", "[fd00::2]:7470"),
        ("169.254.1.1,127.0.0.1", "169.254.1.1:7470"),
        ("::1", "[::1]:7470"),
    ] {
        let read = FoundRelay::read(&announcement("x", addresses, &[("v", "1")]));
        assert_eq!(read.unwrap().address, best);
    }
}

#[test]
fn the_list_follows_what_comes_and_goes() {
    let mut catalog = Catalog::default();
    assert!(catalog.take(&found("Cellar", "192.0.2.7", &[("v", "1")])));
    assert!(!catalog.take(&found("Cellar", "192.0.2.7", &[("v", "1")])));
    assert!(catalog.take(&found("Attic", "192.0.2.8", &[("v", "1")])));
    assert_eq!(catalog.list(), [relay("Attic", 8), relay("Cellar", 7)]);
    // A relay that moves keeps its place.
    assert!(catalog.take(&found("Cellar", "192.0.2.9", &[("v", "1")])));
    assert_eq!(catalog.list(), [relay("Attic", 8), relay("Cellar", 9)]);
    let gone = ServiceEvent::ServiceRemoved(SERVICE.into(), format!("cellar.{SERVICE}"));
    assert!(catalog.take(&gone));
    assert_eq!(catalog.list(), [relay("Attic", 8)]);
}

#[test]
fn one_relay_under_two_announcements_is_listed_once() {
    let mut catalog = Catalog::default();
    for instance in ["Cellar", "Cellar (2)"] {
        let properties = [("v", "1"), ("fp", FINGERPRINT), ("name", "Cellar")];
        catalog.take(&found(instance, "192.0.2.7", &properties));
    }
    assert_eq!(catalog.list().len(), 1);
}

#[test]
fn a_flood_of_announcements_is_bounded() {
    let mut catalog = Catalog::default();
    for n in 0..300 {
        let address = format!("10.0.{}.{}", n / 200, n % 200 + 1);
        catalog.take(&found(&format!("relay {n}"), &address, &[("v", "1")]));
    }
    assert_eq!(catalog.list().len(), 64);
}

#[test]
fn the_only_relay_is_taken_and_anything_else_is_explained() {
    let patience = Duration::from_secs(5);
    let (attic, cellar) = (relay("Attic", 8), relay("Cellar", 7));
    let both = || vec![attic.clone(), cellar.clone()];
    let says = |error: DiscoveryError| error.to_string();

    assert_eq!(
        choose(vec![attic.clone()], None, None, patience).unwrap(),
        attic
    );
    assert_eq!(
        choose(both(), Some("cellar"), None, patience).unwrap(),
        cellar
    );

    let none = says(choose(vec![], None, None, patience).unwrap_err());
    assert!(
        none.contains("within 5 s") && none.contains("--relay HOST"),
        "{none}"
    );
    let several = says(choose(both(), None, None, patience).unwrap_err());
    assert!(
        several.contains("\n  Attic at 192.0.2.8:7470\n  Cellar at"),
        "{several}"
    );
    let others = says(choose(both(), Some("Lab"), None, patience).unwrap_err());
    assert!(
        others.contains("no relay \"Lab\"") && others.contains("Attic at"),
        "{others}"
    );

    let newer = FoundRelay {
        version: 9,
        ..attic
    };
    let version = says(choose(vec![newer], None, None, patience).unwrap_err());
    assert!(version.contains("speaks protocol 9"), "{version}");
}

#[test]
fn of_several_relays_the_one_whose_fingerprint_is_known_is_taken() {
    let patience = Duration::from_secs(5);
    let known = FoundRelay {
        fingerprint: Some(FINGERPRINT.into()),
        ..relay("Cellar", 7)
    };
    let other = FoundRelay {
        fingerprint: Some(FINGERPRINT.replace('4', "5")),
        ..relay("Cellar", 8)
    };
    let silent = relay("Cellar", 9);
    let all = || vec![other.clone(), known.clone(), silent.clone()];
    let chosen = choose(all(), Some("Cellar"), Some(FINGERPRINT), patience);
    assert_eq!(chosen.unwrap(), known);
    // Where the known one is missing, the handshake refuses the only other one.
    let chosen = choose(vec![other.clone()], None, Some(FINGERPRINT), patience);
    assert_eq!(chosen.unwrap(), other);
    // Two that say the same cannot be told apart.
    let twice = vec![
        known.clone(),
        FoundRelay {
            fingerprint: known.fingerprint.clone(),
            ..silent
        },
    ];
    let chosen = choose(twice, None, Some(FINGERPRINT), patience);
    assert!(
        matches!(chosen, Err(DiscoveryError::Several(_))),
        "{chosen:?}"
    );
}

#[test]
fn a_relay_is_meant_by_auto_by_name_or_by_address() {
    for (text, meant) in [
        ("auto", RelaySpec::Auto),
        ("auto:Cellar: left", RelaySpec::Named("Cellar: left".into())),
        ("relay.lan", RelaySpec::Address("relay.lan".into())),
        ("[::1]:7470", RelaySpec::Address("[::1]:7470".into())),
        ("automat:7470", RelaySpec::Address("automat:7470".into())),
    ] {
        let parsed: RelaySpec = text.parse().unwrap();
        assert_eq!(parsed, meant);
        assert_eq!(parsed.to_string(), text);
    }
}
