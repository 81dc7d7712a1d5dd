# -DLT_SANITIZE=address,undefined (or thread): for all of our code; a finding ends the process.
if(LT_SANITIZE)
  add_compile_options(-fsanitize=${LT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LT_SANITIZE})
  add_compile_definitions(LT_SANITIZED=1)
endif()
