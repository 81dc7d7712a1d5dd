# lt_module(<name> SOURCES a.c ... [DEPS base ...] [EXTERNAL target ...])
#
# One folder of src/ as one static library `lt_<name>`. It sees include/ and src/, and links only
# the folders named in DEPS. tools/check_layers.py holds the includes against the layer table.
function(lt_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  add_library(lt_${name} STATIC ${ARG_SOURCES})
  target_include_directories(lt_${name} PUBLIC "${CMAKE_SOURCE_DIR}/include"
                             "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(lt_${name} PRIVATE lt_warnings)
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(lt_${name} PUBLIC lt_${dep})
  endforeach()
  target_link_libraries(lt_${name} PUBLIC ${ARG_EXTERNAL})
  set_property(GLOBAL APPEND PROPERTY LT_MODULES lt_${name})
endfunction()
