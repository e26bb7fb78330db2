//! Files that NumPy wrote, their arrays bit for bit.

use sumun_formats::{npy, safetensors};
use sumun_testing::{golden_dir, golden_files_of};

#[test]
fn every_kind_of_array_is_read() {
    let folder = golden_dir().join("numpy");
    let expected = std::fs::read(folder.join("arrays.expected.safetensors")).unwrap();
    let expected = safetensors::read(&expected).unwrap().tensors;
    let archives = golden_files_of("numpy", "npz");
    assert_eq!(archives.len(), 2);
    for path in archives {
        let tensors = npy::read_archive(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(tensors.len(), expected.len());
        for (name, tensor) in tensors.iter() {
            assert_eq!(Some(tensor), expected.get(name), "{}: {name}", path.display());
        }
    }
    let one = npy::read(&std::fs::read(folder.join("one.npy")).unwrap()).unwrap();
    assert_eq!(Some(&one), expected.get("f4_little"));
}
