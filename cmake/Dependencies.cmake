# Where each library comes from. Distribution packages through pkg-config; OpenVINO and yyjson from
# what tools/setup.sh unpacked in LT_DEPS_DIR.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
if(LT_WITH_VIPS)
  pkg_check_modules(VIPS REQUIRED IMPORTED_TARGET vips)
endif()
if(LT_WITH_CHAFA)
  pkg_check_modules(CHAFA IMPORTED_TARGET chafa)
endif()

# yyjson: the system's, else the pinned source archive, built as it is.
pkg_check_modules(YYJSON QUIET IMPORTED_TARGET yyjson)
if(YYJSON_FOUND)
  add_library(yyjson ALIAS PkgConfig::YYJSON)
elseif(EXISTS "${LT_DEPS_DIR}/yyjson/yyjson.c")
  add_library(yyjson STATIC "${LT_DEPS_DIR}/yyjson/yyjson.c")
  target_include_directories(yyjson SYSTEM PUBLIC "${LT_DEPS_DIR}/yyjson")
else()
  message(FATAL_ERROR "yyjson is neither installed nor in ${LT_DEPS_DIR}: run `make setup` first")
endif()

if(LT_WITH_OPENVINO)
  set(LT_OPENVINO_DIR "${LT_DEPS_DIR}/openvino" CACHE PATH "The unpacked openvino wheel")
  find_package(OpenVINO REQUIRED COMPONENTS Runtime
    PATHS "${LT_OPENVINO_DIR}/cmake" NO_DEFAULT_PATH)
endif()
