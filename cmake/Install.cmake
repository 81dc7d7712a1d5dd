# `cmake --install`: a tree that may be moved. Libraries of the wheel go to lib/latent, found by
# rpath relative to the binary.
include(CMakePackageConfigHelpers)
set(LT_PRIVATE_LIBDIR "${CMAKE_INSTALL_LIBDIR}/latent")
set_target_properties(latent PROPERTIES INSTALL_RPATH "$ORIGIN/latent")
if(TARGET latent_cli)
  set_target_properties(latent_cli PROPERTIES
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/latent")
  install(TARGETS latent_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(TARGETS latent EXPORT latentTargets LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES include/latent.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT latentTargets NAMESPACE latent:: DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/latent")
configure_package_config_file(cmake/latentConfig.cmake.in latentConfig.cmake
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/latent")
write_basic_package_version_file(latentConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/latentConfig.cmake" "${CMAKE_BINARY_DIR}/latentConfigVersion.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/latent")
file(RELATIVE_PATH LT_PC_PREFIX "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
configure_file(cmake/latent.pc.in latent.pc @ONLY)
install(FILES "${CMAKE_BINARY_DIR}/latent.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES LICENSE NOTICE README.md DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/latent")
install(FILES docs/latent.1 DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
install(FILES completions/latent.bash DESTINATION
  "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" RENAME latent)
install(FILES completions/_latent DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
install(FILES completions/latent.fish DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
install(DIRECTORY "${CMAKE_SOURCE_DIR}/build/model/builtin"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/latent/models")
if(LT_WITH_OPENVINO)
  install(DIRECTORY "${LT_OPENVINO_DIR}/libs/" DESTINATION "${LT_PRIVATE_LIBDIR}"
    FILES_MATCHING PATTERN "*.so*"
    # Readers of other frameworks' files: latent reads ONNX and IR.
    PATTERN "*_gguf_frontend*" EXCLUDE PATTERN "*_jax_frontend*" EXCLUDE
    PATTERN "*_paddle_frontend*" EXCLUDE PATTERN "*_pytorch_frontend*" EXCLUDE
    PATTERN "*_tensorflow_frontend*" EXCLUDE PATTERN "*_tensorflow_lite_frontend*" EXCLUDE)
  install(DIRECTORY "${LT_OPENVINO_DIR}/dist-info/licenses"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/latent/openvino" OPTIONAL)
endif()
