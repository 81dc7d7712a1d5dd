# lt_module(<name> SOURCES a.c ... [DEPS base ...] [EXTERNAL target ...])
#
# One folder of src/ as one static library `lt_<name>` with its objects in `lt_<name>_objects`. It
# links only the folders named in DEPS; tools/check_layers.py holds the includes against the layer
# table of docs/ARCHITECTURE.md.
function(lt_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  add_library(lt_${name}_objects OBJECT ${ARG_SOURCES})
  target_include_directories(lt_${name}_objects PUBLIC "${CMAKE_SOURCE_DIR}/include"
                             "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(lt_${name}_objects PRIVATE lt_warnings)
  add_library(lt_${name} STATIC $<TARGET_OBJECTS:lt_${name}_objects>)
  target_include_directories(lt_${name} PUBLIC "${CMAKE_SOURCE_DIR}/include"
                             "${CMAKE_SOURCE_DIR}/src")
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(lt_${name}_objects PRIVATE lt_${dep})
    target_link_libraries(lt_${name} PUBLIC lt_${dep})
  endforeach()
  target_link_libraries(lt_${name}_objects PRIVATE ${ARG_EXTERNAL})
  target_link_libraries(lt_${name} PUBLIC ${ARG_EXTERNAL})
  set_property(GLOBAL APPEND PROPERTY LT_MODULES ${name})
  set_property(GLOBAL APPEND PROPERTY LT_EXTERNALS ${ARG_EXTERNAL})
endfunction()
