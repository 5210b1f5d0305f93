//! Ana and Ben, and the devices that each has.

use conclave_endpoint::cli::devices;
use conclave_endpoint::sound;
use std::path::Path;

pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) other: &'static str,
    pub(crate) camera: String,
    pub(crate) microphone: String,
    pub(crate) speaker: String,
    pub(crate) says: &'static str,
    /// The pitch that the other one plays, where that is known.
    pub(crate) hears_hz: Option<f64>,
}

pub(crate) fn people(folder: &Path) -> (Person, Person) {
    let cameras = devices::enumerate().cameras;
    let camera = cameras
        .into_iter()
        .find(|camera| camera.formats.iter().any(|format| format.usable));
    let cards = sound::devices();
    let microphone = cards
        .iter()
        .find(|card| card.captures)
        .map(|card| format!("alsa:{}", card.pcm));
    let speaker = cards
        .iter()
        .find(|card| card.plays)
        .map(|card| format!("alsa:{}", card.pcm));
    let file = |name: &str| format!("file:{}", folder.join(name).display());
    let ana = Person {
        name: "ana",
        other: "ben",
        camera: camera.map_or("pattern".into(), |camera| {
            format!("v4l2:{}:1280x720@30", camera.path.display())
        }),
        microphone: microphone.clone().unwrap_or_else(|| "tone:440".into()),
        speaker: speaker.unwrap_or_else(|| file("ana-heard.wav")),
        says: "Hello Ben, can you see me?",
        hears_hz: Some(660.0),
    };
    let ben = Person {
        name: "ben",
        other: "ana",
        camera: "pattern".into(),
        microphone: "tone:660".into(),
        speaker: file("ben-heard.wav"),
        says: "Yes, and I hear you, Ana.",
        hears_hz: microphone.is_none().then_some(440.0),
    };
    (ana, ben)
}
