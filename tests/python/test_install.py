# SPDX-License-Identifier: Apache-2.0
"""Installs the build, moves the tree, and uses it as a stranger would: the program, the library
through pkg-config and through CMake, the manual page, the completions."""
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT, Latent

CONSUMER = """cmake_minimum_required(VERSION 3.25)
project(consumer C)
find_package(latent REQUIRED)
add_executable(consumer "{source}")
target_link_libraries(consumer PRIVATE latent::latent)
"""


def run(*command, **more):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, **more)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def tree(binary, tmp_path_factory):
    build = pathlib.Path(binary).parent
    if not (build / "cmake_install.cmake").exists():
        pytest.skip(f"{build} is not a build folder")
    if "libasan" in run("ldd", binary):
        pytest.skip("a build with sanitizers is not installed")
    folder = tmp_path_factory.mktemp("install")
    said = run(ROOT / "tools" / "install.sh", build, "/opt/latent", folder / "dest dir")
    assert said == f"installed to {folder}/dest dir/opt/latent\n"
    moved = folder / "moved elsewhere"
    (folder / "dest dir" / "opt" / "latent").rename(moved)
    yield moved
    shutil.rmtree(folder)


@pytest.fixture
def installed(tree, home, tmp_path):
    program = Latent(tree / "bin" / "latent", tmp_path / "data", home)
    program.env.pop("LATENT_MODEL", None)
    program.env.pop("LD_LIBRARY_PATH", None)
    return program


def test_program(installed, tree, photos):
    (info,) = installed.json("info")
    assert info["model"]["directory"] == str(tree / "share/latent/models/builtin")
    installed("index", photos / "fruit")
    assert installed.names("x", "-k", "3")


def test_libraries_are_the_trees_own(tree):
    """OpenVINO comes from the tree, by a path relative to the binary; nothing leads to the build."""
    for binary in (tree / "bin/latent", tree / "lib/liblatent.so"):
        found = [line.split("=>") for line in run("ldd", binary).splitlines() if "=>" in line]
        places = {name.strip(): where.strip() for name, where in found}
        assert all("not found" not in where for where in places.values())
        (openvino,) = (w for name, w in places.items() if name.startswith("libopenvino_c"))
        assert openvino.startswith(f"{tree}/lib/latent/") or os.path.realpath(
            openvino.split(" (")[0]).startswith(f"{tree}/lib/latent/")
        assert str(ROOT).encode() not in binary.read_bytes(), "the path of the build machine"
    for file in (tree / "lib").rglob("*"):
        if file.suffix in (".pc", ".cmake"):
            assert str(ROOT) not in file.read_text() and "/opt/latent" not in file.read_text()


def finds_photos(program, photos, tmp_path, environment):
    hits = run(program, tmp_path / "db", photos / "fruit", "a fruit", env=environment)
    assert len(hits.splitlines()) == 5


def test_pkg_config(installed, tree, photos, tmp_path):
    env = {**installed.env, "PKG_CONFIG_PATH": str(tree / "lib/pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "latent", env=env).strip()
    libdir = run("pkg-config", "--variable=libdir", "latent", env=env).strip()
    assert os.path.realpath(libdir.replace("\\ ", " ")) == str(tree / "lib")
    program = tmp_path / "search_photos"
    run("sh", "-c", f'cc -std=c99 "$1" -o "$2" {flags} -Wl,-rpath,"$3"', "sh",
        ROOT / "examples/search_photos.c", program, tree / "lib", env=env)
    finds_photos(program, photos, tmp_path, env)


def test_cmake_package(installed, tree, photos, tmp_path):
    source = tmp_path / "consumer"
    source.mkdir()
    (source / "CMakeLists.txt").write_text(
        CONSUMER.format(source=ROOT / "examples/search_photos.c"))
    run("cmake", "-G", "Ninja", "-S", source, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={tree}",
        env=installed.env)
    run("cmake", "--build", tmp_path / "b", env=installed.env)
    finds_photos(tmp_path / "b" / "consumer", photos, tmp_path, installed.env)


def test_pages_and_completions(tree):
    share = tree / "share"
    for installed, source in (("man/man1/latent.1", "docs/latent.1"),
                              ("bash-completion/completions/latent", "completions/latent.bash"),
                              ("zsh/site-functions/_latent", "completions/_latent"),
                              ("fish/vendor_completions.d/latent.fish", "completions/latent.fish"),
                              ("doc/latent/LICENSE", "LICENSE"), ("doc/latent/NOTICE", "NOTICE")):
        assert (share / installed).read_bytes() == (ROOT / source).read_bytes()
    assert any((share / "doc/latent/openvino").rglob("*")), "OpenVINO's licences"


def test_install_says_what_failed(binary):
    if os.geteuid() == 0:
        target = "/proc/latent"
    else:
        target = "/latent-may-not-be-written"
    result = subprocess.run([str(ROOT / "tools/install.sh"), str(pathlib.Path(binary).parent),
                             target], capture_output=True, text=True)
    assert result.returncode == 1
    assert f"install: failed; is {target} writable?" in result.stderr
