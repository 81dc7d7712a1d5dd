# Where each library comes from. Distribution packages through pkg-config; OpenVINO and yyjson from
# what tools/setup.sh unpacked in LT_DEPS_DIR.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)

# Two libraries without a pkg-config file in Debian.
function(lt_find_library name header)
  find_path(${name}_INCLUDE_DIR ${header} REQUIRED)
  find_library(${name}_LIBRARY ${name} REQUIRED)
  mark_as_advanced(${name}_INCLUDE_DIR ${name}_LIBRARY)
  add_library(${name} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION "${${name}_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${${name}_INCLUDE_DIR}")
endfunction()
lt_find_library(roaring roaring/roaring.h)
lt_find_library(stemmer libstemmer.h)
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
