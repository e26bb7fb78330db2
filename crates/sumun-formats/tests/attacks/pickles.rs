//! Pickles that run something, hold themselves, or grow.

use sumun_formats::torch::{self, Checkpoint};
use sumun_formats::{Result, Tensors};

use super::archive::{Entry, archive};
use super::{assert_says, refused};

/// A file of PyTorch with that pickle and one storage `0` of 64 bytes.
fn file(pickle: &[u8]) -> Vec<u8> {
    archive(&[Entry::stored("a/data.pkl", pickle), Entry::stored("a/data/0", &[0; 64])])
}

fn tensors(bytes: &[u8]) -> Result<Tensors> {
    torch::read(bytes).and_then(|checkpoint: Checkpoint| checkpoint.root().tensors())
}

#[track_caller]
fn check(pickle: &[u8], says: &str) {
    let bytes = file(pickle);
    let name = String::from_utf8_lossy(&pickle[..pickle.len().min(40)]).into_owned();
    assert_says(&refused(name, || tensors(&bytes)), says);
}

/// Pushes a tensor, views of storage `0` with these sizes and strides.
fn tensor(offset: i32, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let tuple = |sizes: &[i64]| {
        let sizes = sizes.iter().flat_map(|size| [&[0x8a, 8][..], &size.to_le_bytes()].concat());
        [&b"("[..], &sizes.collect::<Vec<u8>>(), b"t"].concat()
    };
    let storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x10tQ";
    let call = b"ctorch._utils\n_rebuild_tensor_v2\n(";
    [&call[..], storage, b"J", &offset.to_le_bytes(), &tuple(shape), &tuple(strides), b"\x89N", b"tR"]
        .concat()
}

#[test]
fn a_good_tensor_is_read() {
    let pickle = [&b"\x80\x02}X\x01\0\0\0a"[..], &tensor(1, &[3, 2], &[2, 1]), b"s."].concat();
    assert_eq!(tensors(&file(&pickle)).unwrap().get("a").unwrap().shape(), [3, 2]);
}

#[test]
fn functions_are_named_and_not_called() {
    for (module, name) in
        [("os", "system"), ("posix", "system"), ("builtins", "eval"), ("subprocess", "Popen")]
    {
        let call = format!("\u{2}c{module}\n{name}\n(X\u{2}\0\0\0lstR.");
        check(&[&[0x80], call.as_bytes()].concat(), &format!("it calls '{module}.{name}'"));
        let global = [0x8c, module.len() as u8];
        let global =
            [&global[..], module.as_bytes(), &[0x8c, name.len() as u8], name.as_bytes(), b"\x93)R."].concat();
        check(&[&[0x80, 4], &global[..]].concat(), &format!("it calls '{module}.{name}'"));
        // By the function that makes objects of classes, and as the function that makes a tensor.
        let subclass = format!("\u{2}ctorch._tensor\n_rebuild_from_type_v2\n(c{module}\n{name}\nN)}}tR.");
        check(&[&[0x80], subclass.as_bytes()].concat(), &format!("a tensor made by '{module}.{name}'"));
    }
    let method = b"\x80\x02cbuiltins\ngetattr\ncos\npath\nX\x06\0\0\0system\x86R(X\x02\0\0\0lstR.";
    check(method, "it calls what 'builtins.getattr' would give");
    check(b"\x80\x02X\x02\0\0\0ls)R.", "calls what is no class or function");
    check(b"\x80\x02(X\x03\0\0\0urltQ.", "it refers to 'url'");
    check(b"\x80\x02ccodecs\nencode\n)\x81R.", "");
    for old in
        [&b"S'a'\n."[..], b"I1\n.", b"ios\nsystem\n.", b"(cos\nsystem\no.", b"P0\n.", b"\x82\x01.", b"\x97."]
    {
        check(&[b"\x80\x02(", old].concat(), "instruction");
    }
}

#[test]
fn pickles_that_are_cut_or_empty() {
    for pickle in [
        &b""[..],
        b".",
        b"\x80",
        b"\x80\x02",
        b"0.",
        b"t.",
        b"(0.",
        b"R.",
        b"))R.",
        b"b.",
        b"h\0.",
        b"j\xff\xff\xff\xff.",
        b"]u.",
        b"](K\x01u.",
        b"}(K\x01u.",
        b"}]e.",
        b"](a.",
        b"ca\n",
        b"c",
        b"\x93.",
        b"NN\x93.",
        b"(t(t\x81.",
        b"Q.",
        b"NQ.",
        b"X\xff\xff\xff\xff.",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x8b\xff\xff\xff\xff.",
        b"\x8a\xff.",
        b"K\x01N\x93.",
    ] {
        check(pickle, "");
    }
}

#[test]
fn values_that_hold_themselves() {
    check(b"\x80\x02]q\0h\0a.", "nested more than 200 deep, or one holds itself");
    check(b"\x80\x02}q\0X\x01\0\0\0ah\0s.", "holds itself");
    check(b"\x80\x02ca\nb\n)\x81q\0h\0b.", "holds itself");
    check(&[&b"\x80\x02"[..], &b"]".repeat(1000), &b"a".repeat(999), b"."].concat(), "deep");
    // Read, since nothing walks them: what is asked for a key does not follow them for ever.
    let bytes = file(b"\x80\x02ca\nb\n)\x81q\0h\0b.");
    assert!(torch::read(&bytes).unwrap().root().get("a").is_none());
}

/// Lists of lists, each ten times the one before: a billion in a hundred bytes.
#[test]
fn values_that_are_shared_too_often() {
    let mut pickle = b"\x80\x02](NNe".to_vec();
    for place in 0..20 {
        pickle.extend([b'q', place, b']', b'(']);
        pickle.extend([b'h', place].repeat(10));
        pickle.push(b'e');
    }
    pickle.push(b'.');
    check(&pickle, "how often its values are shared");
}

#[test]
fn what_grows_by_copies() {
    // A long list made into dicts, tuples and sets again and again.
    for class in ["builtins\ntuple", "collections\nOrderedDict", "builtins\nset"] {
        let pairs = [&b"\x80\x02](NN\x86"[..], &b"2".repeat(50_000), b"eq\0"].concat();
        let calls = format!("c{class}\n").into_bytes();
        let calls = [&calls[..], b"q\x01", &b"h\x01h\0\x85R0".repeat(50_000), b"."].concat();
        check(&[pairs, calls].concat(), "what its values hold");
    }
    check(&[&b"\x80\x02"[..], &b"]".repeat(2 << 20), b"."].concat(), "the number of values");
    let text =
        [&b"\x80\x02c_codecs\nencode\nq\0X\0\0\x01\0"[..], &b"a".repeat(1 << 16), b"\x85q\x01"].concat();
    check(&[&text[..], &b"h\0h\x01R0".repeat(10_000), b"."].concat(), "what its values hold");
}

#[test]
fn tensors_that_lie() {
    let one = |offset, shape: &[i64], strides: &[i64]| {
        [&b"\x80\x02"[..], &tensor(offset, shape, strides), b"."].concat()
    };
    check(&one(0, &[17], &[1]), "lies in 16 elements");
    check(&one(16, &[1], &[1]), "lies in 16 elements");
    check(&one(-1, &[1], &[1]), "no offset");
    check(&one(0, &[-1], &[1]), "no whole number");
    check(&one(0, &[2], &[-1]), "no whole number");
    check(&one(0, &[i64::MAX, i64::MAX], &[1, 1]), "the number of elements");
    check(&one(0, &[i64::MAX], &[0]), "the bytes of its tensors");
    check(&one(0, &[1 << 20], &[0]), "the bytes of its tensors");
    check(&one(0, &[2, 2], &[i64::MAX, i64::MAX]), "lies in 16 elements");
    check(&one(0, &[1; 17], &[1; 17]), "the number of axes");
    check(&one(0, &[1, 1], &[1]), "2 axes and 1 strides");
    // One tensor of a whole storage, again and again.
    let mut pickle = [&b"\x80\x02]("[..], &tensor(0, &[16], &[1]), b"q\0"].concat();
    pickle.extend(b"h\0".repeat(2000));
    check(&[&pickle[..], b"e."].concat(), "the bytes of its tensors");
    let missing = b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x009X\x03\0\0\0cpuK\x10tQ.";
    check(missing, "there is no entry 'a/data/9'");
    let path =
        b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x0b\0\0\0/etc/passwdX\x03\0\0\0cpuK\x10tQ.";
    check(path, "there is no entry 'a/data//etc/passwd'");
    let long = b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x11tQ.";
    check(long, "the storage '0' has 64 bytes, not 68");
    let kind = b"\x80\x02(X\x07\0\0\0storagectorch\nQInt8Storage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x10tQ.";
    check(kind, "tensors in a 'torch.QInt8Storage' are not read");
}

#[test]
fn old_files_that_lie() {
    let magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.";
    let start = [&magic[..], b"\x80\x02M\xe9\x03.", b"\x80\x02}."].concat();
    let storage = b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQ.";
    let key = b"\x80\x02]X\x01\0\0\x000a.";
    let file = |parts: &[&[u8]]| [&start[..], &parts.concat()].concat();
    let check = |parts: &[&[u8]], says: &str| {
        let bytes = file(parts);
        assert_says(&refused(says, || torch::read(&bytes)), says);
    };
    let (length, data) = (2_u64.to_le_bytes(), [0; 8]);
    assert!(torch::read(&file(&[storage, key, &length, &data])).is_ok());
    check(&[storage, key, &(1_u64 << 62).to_le_bytes(), &data], "cut off");
    check(&[storage, key, &u64::MAX.to_le_bytes(), &data], "cut off");
    check(&[storage, key, &1_u64.to_le_bytes(), &data], "the storage '0' has 4 bytes, not 8");
    check(&[storage, b"\x80\x02]."], "the storage '0' has 0 bytes, not 8");
    check(
        &[storage, b"\x80\x02](X\x01\0\0\x000X\x01\0\0\x000e.", &length, &data, &length, &data],
        "there twice",
    );
    check(&[b"\x80\x02].", key, &length, &data], "no value has the storage '0'");
    check(&[storage], "cut off");
    let version = [&magic[..], b"\x80\x02M\xe8\x03."].concat();
    assert_says(&refused("version", || torch::read(&version)), "its version is not 1001");
    refused("nothing", || torch::read(b""));
    refused("text", || torch::read(b"hello"));
}
