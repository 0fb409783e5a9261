//! What is not whole, or not ours, is not there.

use super::*;

const KEY: [u8; 32] = [7; 32];

fn name(of: u8) -> Name {
    Name::of([of; 32], [0; 32])
}

fn kept(artefact: &[u8]) -> Kept {
    Kept { found: b"[]".to_vec(), artefact: artefact.to_vec() }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn what_is_kept_is_found_by_its_name_alone() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("cache");
    let cache = Cache::open(&directory, KEY).unwrap();
    assert_eq!(cache.get(name(1)).await, None);
    cache.put(name(1), kept(b"one")).await;
    cache.put(name(1), kept(b"one")).await;
    assert_eq!(cache.get(name(1)).await, Some(kept(b"one")));
    assert_eq!(cache.get(name(2)).await, None);
    assert_eq!(cache.get(Name::of([1; 32], [1; 32])).await, None);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&files(&directory)[0]), files(&directory).len()), (0o700, 0o600, 1));
    // Another host with the same key has it, too; one with another key has not, and takes nobody's place.
    assert!(Cache::open(&directory, KEY).unwrap().get(name(1)).await.is_some());
    let other = Cache::open(&directory, [8; 32]).unwrap();
    assert!(other.get(name(1)).await.is_none());
    other.put(name(1), kept(b"another")).await;
    assert_eq!((other.get(name(1)).await, cache.get(name(1)).await), (Some(kept(b"another")), Some(kept(b"one"))));
}

#[tokio::test]
async fn damaged_foreign_and_truncated_files_are_none() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().join("cache");
    let cache = Cache::open(&home, KEY).unwrap();
    cache.put(name(1), kept(&[1; 100])).await;
    let path = files(&home).remove(0);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(cache.get(name(1)).await, None, "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(cache.get(name(1)).await, None, "the first {at} bytes");
    }
    fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
    assert_eq!(cache.get(name(1)).await, None);
    // A good file under the name of another one.
    cache.put(name(2), kept(&[2; 100])).await;
    fs::write(&path, fs::read(cache.0.path(name(2))).unwrap()).unwrap();
    assert_eq!(cache.get(name(1)).await, None);
    // It is made anew.
    cache.put(name(1), kept(&[1; 100])).await;
    assert_eq!(cache.get(name(1)).await, Some(kept(&[1; 100])));
}

#[tokio::test]
async fn what_was_used_least_recently_goes() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().join("cache");
    let each = MAGIC.len() + MARK + kept(&[0; 100]).bytes().len();
    let cache = Cache::with_room(&home, KEY, 3 * each as u64).unwrap();
    let used = |of: u8, seconds: i64| {
        let at = || Timespec { tv_sec: seconds, tv_nsec: 0 };
        let file = File::open(cache.0.path(name(of))).unwrap();
        futimens(&file, &Timestamps { last_access: at(), last_modification: at() }).unwrap();
    };
    for of in 1..=3 {
        cache.put(name(of), kept(&[of; 100])).await;
        used(of, i64::from(of));
    }
    assert!(cache.get(name(1)).await.is_some());
    cache.put(name(4), kept(&[4; 100])).await;
    assert_eq!(cache.get(name(2)).await, None);
    for of in [1, 3, 4] {
        assert!(cache.get(name(of)).await.is_some(), "{of}");
    }
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    let home = tempfile::tempdir().unwrap();
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(home.path(), fs::Permissions::from_mode(mode)).unwrap();
        assert!(Cache::open(home.path(), KEY).err().unwrap().contains("others can write"), "{mode:o}");
    }
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Cache::open(home.path(), KEY).is_ok());
}
