# Warnings, sanitizers and the helper that makes one object library a directory of src/.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(GNUTLS REQUIRED IMPORTED_TARGET gnutls)
find_library(BLOCKSRUNTIME BlocksRuntime REQUIRED)

add_library(braid_flags INTERFACE)
target_compile_options(braid_flags INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wvla -Wundef -Wpointer-arith -Wwrite-strings -Wformat=2
    -Wimplicit-fallthrough -Wdouble-promotion -Wno-sign-conversion
    -ftls-model=initial-exec -fvisibility=hidden -fno-strict-aliasing -fno-semantic-interposition)
target_compile_definitions(braid_flags INTERFACE _GNU_SOURCE)
if(BRAID_WERROR)
    target_compile_options(braid_flags INTERFACE -Werror)
endif()
if(BRAID_SANITIZE)
    add_compile_options(-fsanitize=${BRAID_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    add_link_options(-fsanitize=${BRAID_SANITIZE})
    add_compile_definitions(BRAID_SANITIZED=1)
endif()
if(BRAID_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# The library's small files are inlined across when it is linked; the private archive, which dozens of
# tests link, takes the ordinary half of the same objects. gcc's own bounds for inlining are for functions
# that are called from few places; with these an echo executes 5 % fewer instructions, of 12 % more code.
option(BRAID_LTO "link-time optimisation of libNetwork.so (gcc)" OFF)
if(BRAID_LTO)
    set(braid_lto -flto=auto -ffat-lto-objects --param=max-inline-insns-auto=60 --param=inline-unit-growth=100)
    add_link_options(-fno-lto)
endif()

# Profile-guided optimisation: "generate" makes a build that counts, "use" one that knows the counts of
# BRAID_PROFILE_DIR; where there are none it is an ordinary one. `make build` does both (bench/train.py).
set(BRAID_PROFILE "" CACHE STRING "profile-guided optimisation (gcc): generate or use")
set(BRAID_PROFILE_DIR ${PROJECT_SOURCE_DIR}/build/profile CACHE PATH "where the counts are")
set(braid_profile_of -fprofile-prefix-path=${CMAKE_BINARY_DIR})
if(BRAID_PROFILE STREQUAL "generate")
    set(braid_profile -fprofile-generate=${BRAID_PROFILE_DIR} -fprofile-update=atomic ${braid_profile_of})
    add_link_options(-fprofile-generate)
elseif(BRAID_PROFILE STREQUAL "use")
    # sources that changed since, and those that nothing trained, are optimised as ever
    set(braid_profile -fprofile-use=${BRAID_PROFILE_DIR} -fprofile-partial-training ${braid_profile_of}
        -Wno-missing-profile -Wno-coverage-mismatch)
elseif(BRAID_PROFILE)
    message(FATAL_ERROR "BRAID_PROFILE is generate or use, not ${BRAID_PROFILE}")
endif()

# braid_component(name SOURCES...): the objects of one directory of src/; part of braidcore
function(braid_component name)
    add_library(braid_${name} OBJECT ${ARGN})
    target_include_directories(braid_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(braid_${name} PRIVATE braid_flags PkgConfig::CARES PkgConfig::MNL PkgConfig::GNUTLS)
    target_compile_options(braid_${name} PRIVATE ${braid_lto} ${braid_profile})
endfunction()

# tests pass NULL where none is allowed; an interface of its own, so that it comes after -Wall
add_library(braid_test_flags INTERFACE)
target_compile_options(braid_test_flags INTERFACE -Wno-nonnull)

# braid_unit_test(name SOURCES...): a cmocka test linked with the private archive
function(braid_unit_test name)
    add_executable(${name} ${ARGN})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE braid_flags braid_test_flags braidcore cmocka)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77)
endfunction()

# braid_missing_test(name what): a test that cannot be built: skipped, and failed under BRAID_REQUIRE_ALL
function(braid_missing_test name what)
    add_test(NAME ${name} COMMAND sh -c "echo 'skipped: no ${what}'; [ -z \"$BRAID_REQUIRE_ALL\" ] && exit 77; exit 1")
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()
