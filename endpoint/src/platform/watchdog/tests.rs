use super::*;
use std::time::Duration;

/// A service manager of the test's own.
struct Listener {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Listener {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Self { socket, folder }
    }

    fn start(&self, variables: &[(&str, &str)]) -> Watchdog {
        let path = self.folder.path().join("notify");
        let environment = |name: &str| match name {
            "NOTIFY_SOCKET" => Some(path.clone().into_os_string()),
            _ => variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| value.into()),
        };
        Watchdog::start(environment).unwrap()
    }

    fn hear(&self, within: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(within)).unwrap();
        let mut buffer = [0; 256];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }
}

fn heart(name: &'static str, last_us: u64) -> Heart {
    let last_beat = Heartbeat(Arc::new(AtomicU64::new(last_us)));
    Heart { name, last_beat }
}

#[test]
fn a_part_is_missed_once_it_was_silent_for_longer_than_the_span() {
    let (span, now) = (Micros(1_000), Instant::from_micros(10_000));
    let judge = |hearts: &[Heart]| missing(hearts, span, now);
    assert_eq!(judge(&[]), [""; 0]);
    assert_eq!(judge(&[heart("engine", 9_000)]), [""; 0]);
    assert_eq!(judge(&[heart("engine", 8_999)]), ["engine"]);
    assert_eq!(
        judge(&[heart("engine", 8_999), heart("screen", 9_500)]),
        ["engine"]
    );
    assert_eq!(
        judge(&[heart("engine", 1), heart("screen", 2)]),
        ["engine", "screen"]
    );
    // Beats of another thread may be newer than the judge's clock.
    assert_eq!(judge(&[heart("engine", 10_001)]), [""; 0]);
}

#[test]
fn a_paused_part_is_not_missed_until_it_has_beaten_again() {
    let media = heart("media", PAUSED);
    let late = clock::now() + Micros::from_secs(1_000);
    let span = Micros::from_secs(1);
    assert_eq!(missing(std::slice::from_ref(&media), span, late), [""; 0]);
    media.last_beat.beat();
    assert_eq!(missing(std::slice::from_ref(&media), span, late), ["media"]);
    media.last_beat.pause();
    assert_eq!(missing(&[media], span, late), [""; 0]);
}

#[test]
fn the_time_between_feedings_is_a_third_of_the_services_patience() {
    let of = |variables: &'static [(&str, &str)]| {
        span(|name| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| value.into())
        })
    };
    assert_eq!(
        of(&[("WATCHDOG_USEC", "30000000")]),
        Some(Micros::from_secs(10))
    );
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[("WATCHDOG_USEC", "soon")]), None);
    assert_eq!(of(&[("WATCHDOG_USEC", "0")]), None);
    assert_eq!(
        of(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "1")]),
        None
    );
}

#[test]
fn a_process_without_a_service_manager_has_no_watchdog() {
    assert!(Watchdog::start(|_| None).is_none());
}

#[test]
fn the_service_manager_hears_of_start_state_and_end() {
    let listener = Listener::new();
    let watchdog = listener.start(&[]);
    assert!(!watchdog.is_feeding());
    watchdog.ready();
    watchdog.status("in a call\nwith Ana");
    watchdog.stopping();
    let patience = Duration::from_secs(10);
    for told in ["READY=1", "STATUS=in a call with Ana", "STOPPING=1"] {
        assert_eq!(listener.hear(patience).as_deref(), Some(told));
    }
}

#[test]
fn an_abstract_socket_is_heard_too() {
    let name = format!("conclave-watchdog-test-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let environment = |asked: &str| (asked == "NOTIFY_SOCKET").then(|| format!("@{name}").into());
    Watchdog::start(environment).unwrap().ready();
    let mut buffer = [0; 16];
    let length = socket.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"READY=1");
}

#[test]
fn the_watchdog_is_fed_while_all_are_alive_and_starves_when_one_is_not() {
    let listener = Listener::new();
    let pid = std::process::id().to_string();
    let watchdog = listener.start(&[("WATCHDOG_USEC", "300000"), ("WATCHDOG_PID", &pid)]);
    assert!(watchdog.is_feeding());
    let (engine, media) = (watchdog.heartbeat("engine"), watchdog.heartbeat("media"));
    media.pause();
    let patience = Duration::from_secs(10);

    let (stop, stopped) = channel::<()>();
    let beating = std::thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
            engine.beat();
        }
        engine
    });
    for _ in 0..3 {
        assert_eq!(listener.hear(patience).as_deref(), Some("WATCHDOG=1"));
    }
    drop(stop);
    let engine = beating.join().unwrap();
    // What was fed before the silence was noticed is read off first.
    while listener.hear(Duration::from_millis(400)).is_some() {}
    assert_eq!(listener.hear(Duration::from_millis(400)), None);
    // A part that rests is not waited for.
    engine.pause();
    assert_eq!(listener.hear(patience).as_deref(), Some("WATCHDOG=1"));
}

#[test]
fn dropping_the_watchdog_ends_its_thread_at_once() {
    let listener = Listener::new();
    let watchdog = listener.start(&[("WATCHDOG_USEC", "3600000000")]);
    let begun = clock::now();
    drop(watchdog);
    assert!(clock::now().since(begun) < Micros::from_secs(60));
}
