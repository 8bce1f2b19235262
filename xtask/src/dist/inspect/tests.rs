use super::*;

const SYMBOLS: &str = "
Symbol table '.dynsym' contains 5 entries:
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND 
     1: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND abort@GLIBC_2.2.5 (2)
     2: 0000000000000000     0 FUNC    WEAK   DEFAULT  UND __cxa_thread_atexit_impl@GLIBC_2.18 (3)
     3: 00000000000f1000    19 FUNC    GLOBAL DEFAULT   12 DestroyObject
     4: 00000000000f1020    19 FUNC    WEAK   DEFAULT   12 rust_eh_personality
";

const DYNAMIC: &str = "
Dynamic section at offset 0x2d98 contains 29 entries:
  Tag        Type                         Name/Value
 0x0000000000000001 (NEEDED)             Shared library: [libgcc_s.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000006ffffffb (FLAGS_1)            Flags: NOW NODELETE
";

const LISTING: &str = "
	DLL Name: KERNEL32.dll
	vma:  Hint/Ord Member-Name Bound-To
	DLL Name: libgcc_s_seh-1.dll

[Ordinal/Name Pointer] Table
	[   0] DestroyObject
	[   1] GetAttachType

The Function Table (interpreted .pdata section contents)
	[   2] nothing
";

#[test]
fn reads_the_symbols_of_a_linux_library() {
    let exports: Vec<_> = elf_exports(SYMBOLS).into_iter().collect();
    assert_eq!(exports, ["DestroyObject", "rust_eh_personality"]);
    let versions: Vec<_> = elf_glibc_versions(SYMBOLS).into_iter().collect();
    assert_eq!(versions, ["2.18", "2.2.5"]);
}

#[test]
fn finds_everything_that_is_wrong_with_a_linux_library() {
    let problems = linux_problems(Product::Addin, Linker::ZigGlibc, SYMBOLS, DYNAMIC);
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].starts_with("exports {\"DestroyObject\", \"rust_eh"));
    assert_eq!(problems[1], "needs libgcc_s.so.1");
    assert_eq!(problems[2], "needs glibc 2.18");
    let problems = linux_problems(Product::Addin, Linker::ZigGlibc, SYMBOLS, "");
    assert!(problems[1].contains("NODELETE"), "{problems:?}");
}

#[test]
fn a_static_program_needs_no_library() {
    let problems = linux_problems(Product::Cli, Linker::ZigMusl, "", DYNAMIC);
    assert_eq!(problems, ["needs libgcc_s.so.1", "needs libc.so.6"]);
    assert!(linux_problems(Product::Cli, Linker::ZigMusl, "", "").is_empty());
}

#[test]
fn finds_what_is_wrong_with_a_windows_library() {
    let problems = windows_problems(Product::Addin, LISTING);
    assert!(problems[0].starts_with("exports {\"DestroyObject\", \"GetAttachType\"} and not"));
    assert_eq!(problems[1..], ["needs libgcc_s_seh-1.dll"]);
    assert_eq!(windows_problems(Product::Addin, "").len(), 2);
    assert!(windows_problems(Product::Cli, LISTING)[0].starts_with("exports"));
}

#[test]
fn compares_versions_by_number() {
    assert!(is_newer("2.34", "2.17") && is_newer("2.17.1", "2.17") && is_newer("PRIVATE", "2.17"));
    assert!(!is_newer("2.2.5", "2.17") && !is_newer("2.17", "2.17"));
}

#[test]
fn finds_the_folders_of_this_machine() {
    let mut bytes = vec![0, 1, 2];
    assert!(places(&bytes).unwrap().is_empty());
    bytes.extend(format!("{}/ws-core/src/lib.rs", crate::shell::root().display()).bytes());
    assert!(places(&bytes).unwrap()[0].starts_with("tells of the folder"));
}
