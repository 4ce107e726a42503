dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl Flags of the compiler and the linker that are ours, not the user's.

dnl TM_COMPILE_FLAG(FLAG [, VARIABLE]): append FLAG to VARIABLE (AM_CFLAGS) if
dnl the compiler takes it.  -Werror, as clang only warns of a flag unknown to it.
AC_DEFUN([TM_COMPILE_FLAG], [
	AS_VAR_PUSHDEF([cache], [tm_cv_compile_$1])
	AC_CACHE_CHECK([whether $CC takes $1], [cache], [
		tm_saved_cflags=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
			[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
		CFLAGS=$tm_saved_cflags
	])
	AS_VAR_IF([cache], [yes], [AS_VAR_APPEND(m4_default([$2], [AM_CFLAGS]), [" $1"])])
	AS_VAR_POPDEF([cache])
])

dnl TM_LINK_FLAG(FLAG [, VARIABLE]): the same for the linker and AM_LDFLAGS.
AC_DEFUN([TM_LINK_FLAG], [
	AS_VAR_PUSHDEF([cache], [tm_cv_link_$1])
	AC_CACHE_CHECK([whether $CC links with $1], [cache], [
		tm_saved_cflags=$CFLAGS
		tm_saved_ldflags=$LDFLAGS
		CFLAGS="$CFLAGS $AM_CFLAGS -Werror"
		LDFLAGS="$LDFLAGS $1"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
			[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
		CFLAGS=$tm_saved_cflags
		LDFLAGS=$tm_saved_ldflags
	])
	AS_VAR_IF([cache], [yes], [AS_VAR_APPEND(m4_default([$2], [AM_LDFLAGS]), [" $1"])])
	AS_VAR_POPDEF([cache])
])

dnl The project builds without any of these warnings; --enable-werror holds it to that.
AC_DEFUN([TM_WARNINGS], [
	AC_SUBST([AM_CFLAGS])
	AC_SUBST([AM_CPPFLAGS])
	AC_SUBST([AM_LDFLAGS])
	m4_foreach_w([flag], [-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2
		-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef
		-Wwrite-strings -Wvla],
		[TM_COMPILE_FLAG(m4_defn([flag]))])
	AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror], [make every warning an error])],
		[], [enable_werror=no])
	AS_IF([test "x$enable_werror" != xno], [AS_VAR_APPEND([AM_CFLAGS], [" -Werror"])])
])

dnl A daemon that runs with root's capabilities: make a bug hard to exploit.
AC_DEFUN([TM_HARDENING], [
	AC_REQUIRE([TM_INSTRUMENTATION])
	AC_ARG_ENABLE([hardening],
		[AS_HELP_STRING([--disable-hardening], [build without the flags that make bugs hard to exploit])],
		[], [enable_hardening=yes])
	AS_IF([test "x$enable_hardening" != xno], [
		m4_foreach_w([flag], [-fstack-protector-strong -fstack-clash-protection
			-fcf-protection -fPIE], [TM_COMPILE_FLAG(m4_defn([flag]))])
		m4_foreach_w([flag], [-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
			-Wl,--as-needed], [TM_LINK_FLAG(m4_defn([flag]))])
		dnl Fortified calls hide errors from the sanitizers, and need an optimising compiler.
		AS_IF([test "x$tm_instrumentation" = xnone], [
			AC_MSG_CHECKING([whether $CC optimises])
			AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
				#ifndef __OPTIMIZE__
				#error no
				#endif]], [])],
				[AC_MSG_RESULT([yes])
				AS_VAR_APPEND([AM_CPPFLAGS], [" -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])],
				[AC_MSG_RESULT([no])])
		])
	])
])

dnl The meter and the agent are two threads.
AC_DEFUN([TM_THREADS], [
	TM_COMPILE_FLAG([-pthread])
	TM_LINK_FLAG([-pthread])
	AC_CHECK_HEADER([stdatomic.h], [], [AC_MSG_ERROR([no stdatomic.h: a C11 compiler with atomics is needed])])
])
