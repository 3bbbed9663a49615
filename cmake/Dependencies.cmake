# The libraries that we stand on, each as a target of its own.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_program(PYTHON3 python3 HINTS /usr/bin REQUIRED)

pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET libevent>=2.1 libevent_openssl libevent_pthreads)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.80)
pkg_check_modules(TLS REQUIRED IMPORTED_TARGET libssl>=3 libcrypto)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(JSONC REQUIRED IMPORTED_TARGET json-c>=0.15)
pkg_check_modules(CONFIG REQUIRED IMPORTED_TARGET libconfig)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.35)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

# For those that use several and need not say which.
add_library(PkgConfig::DEPS INTERFACE IMPORTED)
target_link_libraries(PkgConfig::DEPS INTERFACE PkgConfig::EVENT PkgConfig::CURL PkgConfig::TLS
	PkgConfig::SODIUM PkgConfig::JSONC PkgConfig::CONFIG PkgConfig::SQLITE PkgConfig::PCRE2)
