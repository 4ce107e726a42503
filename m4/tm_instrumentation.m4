dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl Builds for tests: the sanitizers and the fuzzer.  A flag that was asked for
dnl and does not work ends configure: a test with a plain build would prove nothing.

AC_DEFUN([TM_NEED_FLAGS], [
	AC_MSG_CHECKING([whether $CC builds with $1])
	tm_saved_cflags=$CFLAGS
	CFLAGS="$CFLAGS $1"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		AC_MSG_ERROR([$CC cannot build a program with $1])])
	CFLAGS=$tm_saved_cflags
	AS_VAR_APPEND([AM_CFLAGS], [" $1 -fno-omit-frame-pointer"])
	AS_VAR_APPEND([AM_LDFLAGS], [" $1"])
])

AC_DEFUN([TM_INSTRUMENTATION], [
	AC_ARG_ENABLE([sanitizers],
		[AS_HELP_STRING([--enable-sanitizers], [build with AddressSanitizer and UndefinedBehaviorSanitizer])],
		[], [enable_sanitizers=no])
	AC_ARG_ENABLE([tsan],
		[AS_HELP_STRING([--enable-tsan], [build with ThreadSanitizer])],
		[], [enable_tsan=no])
	AC_ARG_ENABLE([fuzzer],
		[AS_HELP_STRING([--enable-fuzzer], [build for fuzzing with libFuzzer, and with --enable-sanitizers (clang)])],
		[], [enable_fuzzer=no])

	tm_instrumentation=none
	AS_IF([test "x$enable_fuzzer" != xno], [enable_sanitizers=yes])
	AS_IF([test "x$enable_sanitizers" != xno && test "x$enable_tsan" != xno],
		[AC_MSG_ERROR([ThreadSanitizer goes with no other sanitizer: build twice])])
	AS_IF([test "x$enable_sanitizers" != xno], [
		tm_instrumentation="address undefined"
		TM_NEED_FLAGS([-fsanitize=address,undefined -fno-sanitize-recover=all])
	])
	AS_IF([test "x$enable_tsan" != xno], [
		tm_instrumentation=thread
		TM_NEED_FLAGS([-fsanitize=thread])
	])
	dnl All code counts what it reaches; only the fuzzers have libFuzzer's main().
	AS_IF([test "x$enable_fuzzer" != xno], [
		tm_instrumentation="address undefined fuzzer"
		TM_NEED_FLAGS([-fsanitize=fuzzer-no-link])
		AC_SUBST([FUZZER_LDFLAGS], [-fsanitize=fuzzer])
	])
	AM_CONDITIONAL([WITH_FUZZER], [test "x$enable_fuzzer" != xno])
])
