use super::*;

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn names(path: &Path) -> Vec<String> {
    let names = fs::read_dir(path).unwrap();
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = names.map(|e| name(e).into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_that_is_made_and_what_is_in_it_are_their_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    let private = PrivateDir::open(&path).unwrap();
    private.write("note", b"one").unwrap();
    private.secret("key").unwrap();
    private.touch("database").unwrap();
    assert_eq!(
        (mode(&folder.path().join("a")), mode(&path)),
        (0o700, 0o700)
    );
    assert_eq!(names(&path), ["database", "key", "note"]);
    for name in names(&path) {
        assert_eq!(mode(&path.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn a_folder_that_was_there_keeps_its_mode_and_its_files_are_narrowed() {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    let private = PrivateDir::open(folder.path()).unwrap();
    for name in ["note", "key", "database"] {
        let path = folder.path().join(name);
        fs::write(&path, [7; 32]).unwrap();
        set_mode(&path, 0o644);
    }
    private.read("note").unwrap();
    private.secret("key").unwrap();
    private.touch("database").unwrap();
    assert_eq!(mode(folder.path()), 0o755);
    for name in ["note", "key", "database"] {
        assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_secret_stays_and_a_damaged_one_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let private = PrivateDir::open(folder.path()).unwrap();
    let first = private.secret("key").unwrap();
    assert_eq!(private.secret("key").unwrap().expose(), first.expose());
    fs::write(folder.path().join("key"), b"short").unwrap();
    let error = private.secret("key").unwrap_err();
    assert!(matches!(error, PrivateDirError::NotASecret(_)), "{error}");
    assert_eq!(private.read("key").unwrap().unwrap(), b"short");
}

#[test]
fn of_those_who_draw_a_secret_at_once_all_get_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let private = PrivateDir::open(folder.path()).unwrap();
    let drawn: Vec<_> = std::thread::scope(|scope| {
        let draw = || *private.secret("key").unwrap().expose();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(draw)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(drawn.iter().all(|secret| *secret == drawn[0]));
    assert_eq!(names(folder.path()), ["key"]);
}

#[test]
fn a_file_is_replaced_whole_and_a_link_in_its_place_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::write(&outside, b"theirs").unwrap();
    let private = PrivateDir::open(&folder.path().join("data")).unwrap();
    assert_eq!(private.read("note").unwrap(), None);
    private.write("note", b"one").unwrap();
    private.write("note", b"two").unwrap();
    assert_eq!(private.read("note").unwrap().unwrap(), b"two");
    std::os::unix::fs::symlink(&outside, private.path().join("link")).unwrap();
    private.write("link", b"ours").unwrap();
    assert_eq!(fs::read(&outside).unwrap(), b"theirs");
    assert_eq!(names(private.path()), ["link", "note"]);
}

#[test]
fn what_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = PrivateDir::open(&file).unwrap_err().to_string();
    assert!(
        error.contains("cannot use /") && error.contains("file: "),
        "{error}"
    );
    let private = PrivateDir::open(folder.path()).unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    let error = private.write("folder", b"").unwrap_err().to_string();
    assert!(error.contains("/folder: "), "{error}");
    assert_eq!(names(folder.path()), ["file", "folder"]);
}
