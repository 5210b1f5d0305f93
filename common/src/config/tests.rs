use super::*;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use toml::Value;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Program {
    door: Door,
    lamp: Lamp,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Door {
    name: String,
    pin: String,
    open: bool,
    #[serde(with = "text::optional")]
    address: Option<std::net::IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Lamp {
    watts: u16,
}

impl Default for Lamp {
    fn default() -> Self {
        Self { watts: 60 }
    }
}

const COMPANIONS: &[Companion] = &[Companion {
    section: "door",
    leader: "name",
    follower: "pin",
}];

fn of_variables(variables: &[(&str, &str)]) -> Result<Program, ConfigError> {
    let schema = Schema::<Program>::new();
    let pairs = variables.iter().map(|(k, v)| ((*k).into(), (*v).into()));
    let mut layers = Layers::new(&schema, COMPANIONS);
    layers.add(schema.variables("P__", pairs)?)?;
    Ok(layers.build())
}

fn of_file(text: &str) -> Result<Vec<Entry>, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program.toml");
    std::fs::write(&path, text).unwrap();
    read(&path)
}

fn refusal(variable: &str, value: &str) -> String {
    of_variables(&[(variable, value)]).unwrap_err().to_string()
}

#[test]
fn a_key_decides_what_a_variable_is() {
    let program = of_variables(&[
        ("P__DOOR__NAME", "101"),
        ("P__DOOR__PIN", "true"),
        ("P__DOOR__OPEN", "true"),
        ("P__LAMP__WATTS", "007"),
        ("OTHER__LAMP__WATTS", "bright"),
    ])
    .unwrap();
    assert_eq!((program.door.name, program.door.open), ("101".into(), true));
    assert_eq!((program.door.pin, program.lamp.watts), ("true".into(), 7));
}

#[test]
fn a_wrong_value_names_variable_key_and_what_would_do() {
    for (variable, value, expected) in [
        (
            "P__LAMP__WATTS",
            "bright",
            "lamp.watts = \"bright\" in P__LAMP__WATTS: it must be a whole number, such as 60",
        ),
        (
            "P__LAMP__WATTS",
            "-1",
            "lamp.watts = -1 in P__LAMP__WATTS: it must not be negative",
        ),
        (
            "P__LAMP__WATTS",
            "65536",
            "lamp.watts = 65536 in P__LAMP__WATTS: it is too large",
        ),
        (
            "P__DOOR__OPEN",
            "yes",
            "door.open = \"yes\" in P__DOOR__OPEN: it must be true or false",
        ),
        (
            "P__DOOR__ADDRESS",
            "7",
            "door.address = \"7\" in P__DOOR__ADDRESS: invalid IP address syntax",
        ),
        (
            "P__DOOR",
            "x",
            "door = \"x\" in P__DOOR: it is a section with keys of its own",
        ),
        (
            "P__LAMP__WATT",
            "1",
            "unknown key \"lamp.watt\" in P__LAMP__WATT: did you mean \"lamp.watts\"?",
        ),
    ] {
        assert_eq!(refusal(variable, value), expected);
    }
}

#[test]
fn a_wrong_value_of_a_file_is_named_with_its_kind() {
    let schema = Schema::<Program>::new();
    for (text, expected) in [
        ("[lamp]\nwatts = \"40\"", "a number without quotes"),
        ("[lamp]\nwatts = true", "a whole number, such as 60"),
        ("[door]\nopen = \"true\"", "true or false without quotes"),
        ("[door]\nopen = 1", "true or false"),
        ("[door]\nname = 101", "a text, in quotes"),
        ("door = 1", "a section with keys of its own"),
    ] {
        let mut layers = Layers::new(&schema, COMPANIONS);
        let error = layers.add(of_file(text).unwrap()).unwrap_err().to_string();
        let named = error.contains("program.toml: ");
        assert!(named && error.contains(expected), "{error}");
        assert_eq!(layers.build(), Program::default(), "{text}");
    }
}

#[test]
fn the_value_of_a_secret_is_not_shown() {
    let schema = Schema::<Program>::new();
    let entry = &of_file("[door]\npin = 31415").unwrap()[0];
    let error = schema.check(entry).unwrap_err();
    assert!(!error.to_string().contains("31415") && !error.reason().contains("31415"));
}

#[test]
fn a_variable_that_is_not_text_is_refused_when_it_has_the_prefix() {
    let schema = Schema::<Program>::new();
    let bytes = || OsString::from_vec(vec![b'a', 0xff]);
    let of = |name: OsString| schema.variables("P__", [(name, bytes())]);
    assert_eq!(of("OTHER".into()).unwrap(), []);
    assert_eq!(of(bytes()).unwrap(), []);
    let error = of("P__DOOR__NAME".into()).unwrap_err().to_string();
    assert!(
        error.starts_with("door.name = ") && error.ends_with("set the variable again"),
        "{error}"
    );
}

#[test]
fn a_later_layer_wins_and_leaves_a_follower_of_another_leader_behind() {
    let schema = Schema::<Program>::new();
    let mut layers = Layers::new(&schema, COMPANIONS);
    let text = "[door]\nname = \"A\"\npin = \"1\"\nopen = true\n[lamp]\n";
    layers.add(of_file(text).unwrap()).unwrap();
    let same = of_file("[door]\nname = \"A\"").unwrap();
    layers.add(same).unwrap();
    assert_eq!(layers.clone().build().door.pin, "1");
    let other = of_file("[door]\nname = \"B\"").unwrap();
    layers.add(other).unwrap();
    let door = layers.build().door;
    assert_eq!((door.name.as_str(), door.pin.as_str()), ("B", ""));
    assert!(door.open);
}

#[test]
fn a_named_file_goes_before_the_default_which_must_exist() {
    let [here, nowhere] = [Path::new("/"), Path::new("/nowhere")];
    assert_eq!(file_or(Some(nowhere), here), Some(nowhere));
    assert_eq!(file_or(None, here), Some(here));
    assert_eq!(file_or(None, nowhere), None);
    let error = read(nowhere).unwrap_err().to_string();
    assert!(error.starts_with("cannot read /nowhere: "), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_taken_as_it_is_where_a_text_is_wanted(text in "\\PC{0,40}|[0-9]{1,30}|true|false|-?[0-9]+\\.[0-9]+|[ \t\n\"'#=\\[\\]]{0,9}") {
        let program = of_variables(&[("P__DOOR__NAME", &text)]).unwrap();
        prop_assert_eq!(program.door.name, text);
    }

    #[test]
    fn a_number_is_taken_when_it_fits_and_refused_by_name_when_not(number in any::<i64>(), small in any::<u16>()) {
        for number in [number, i64::from(small)] {
            let taken = of_variables(&[("P__LAMP__WATTS", &number.to_string())]);
            match (u16::try_from(number), taken) {
                (Ok(watts), Ok(program)) => prop_assert_eq!(program.lamp.watts, watts),
                (Err(_), Err(error)) => prop_assert!(error.to_string().contains("in P__LAMP__WATTS: it ")),
                (_, other) => prop_assert!(false, "{number}: {other:?}"),
            }
        }
    }

    #[test]
    fn any_variable_is_a_configuration_or_an_error_that_names_it(
        key in "DOOR|LAMP|DOOR__(NAME|PIN|OPEN|ADDRESS|X)|LAMP__WATTS|[A-Z_]{0,12}",
        value in any::<Vec<u8>>(),
    ) {
        let schema = Schema::<Program>::new();
        let name = format!("P__{key}");
        let mut layers = Layers::new(&schema, COMPANIONS);
        let added = schema
            .variables("P__", [((&name).into(), OsString::from_vec(value))])
            .and_then(|entries| layers.add(entries));
        match added {
            Ok(()) => drop(layers.build()),
            Err(error) => prop_assert!(error.to_string().contains(&name)),
        }
    }

    #[test]
    fn a_file_and_a_variable_that_say_the_same_give_the_same(name in "\\PC{0,40}", open in any::<bool>(), watts in any::<u16>()) {
        let text = format!("[door]\nname = {}\nopen = {open}\n[lamp]\nwatts = {watts}\n", Value::String(name.clone()));
        let schema = Schema::<Program>::new();
        let mut layers = Layers::new(&schema, COMPANIONS);
        layers.add(of_file(&text).unwrap()).unwrap();
        let (open, watts) = (open.to_string(), watts.to_string());
        let variables = [("P__DOOR__NAME", name.as_str()), ("P__DOOR__OPEN", &open), ("P__LAMP__WATTS", &watts)];
        prop_assert_eq!(layers.build(), of_variables(&variables).unwrap());
    }
}
