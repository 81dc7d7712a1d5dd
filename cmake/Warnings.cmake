# The warnings our own code is held to; vendored code is compiled without them.
add_library(lt_warnings INTERFACE)
target_compile_options(lt_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Wcast-qual -Wundef)
if(LT_WERROR)
  target_compile_options(lt_warnings INTERFACE -Werror)
endif()
target_compile_definitions(lt_warnings INTERFACE _GNU_SOURCE)
